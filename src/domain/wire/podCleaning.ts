/**
 * What the API server has filled into pods and pod templates, taken away again. A default is taken away only where the value is
 * the default, so that nothing changes its meaning; a template keeps whatever only a person can have put there, such as its node.
 */
import { change, changeItems, changeMembers, drop, dropEmpty, dropValues, dropWhere, itemsOf, keepItems } from "./edit.ts"
import { isMembers, type Members } from "./exact.ts"

const specDefaults: Members = {
  dnsPolicy: "ClusterFirst",
  enableServiceLinks: true,
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
  securityContext: {},
  terminationGracePeriodSeconds: 30,
}

const containerDefaults: Members = { resources: {}, terminationMessagePath: "/dev/termination-log", terminationMessagePolicy: "File" }

const probeDefaults: Members = { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 }

const probes = ["livenessProbe", "readinessProbe", "startupProbe"] as const

/** Volumes that files are made of, and the mode of these. */
const fileVolumes = ["configMap", "downwardAPI", "projected", "secret"] as const

/** What the API server sets where a container has no policy: a tag that moves is pulled each time. */
const pullPolicyOf = (image: string): string => {
  if (image.includes("@")) return "IfNotPresent"
  const tag = image.slice(image.lastIndexOf("/") + 1).split(":")[1]
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent"
}

const cleanProbe = (probe: Members): Members =>
  changeMembers(dropValues(probe, probeDefaults), "httpGet", (get) => dropValues(get, { scheme: "HTTP" }))

const cleanVariable = (variable: Members): Members =>
  changeMembers(variable, "valueFrom", (from) => changeMembers(from, "fieldRef", (field) => dropValues(field, { apiVersion: "v1" })))

const cleanContainer = (container: Members): Members => {
  const { image } = container
  const policy = typeof image === "string" ? { imagePullPolicy: pullPolicyOf(image) } : {}
  const bare = dropValues(container, { ...containerDefaults, ...policy })
  const probed = probes.reduce((cleaned, name) => changeMembers(cleaned, name, cleanProbe), bare)
  const ported = changeItems(probed, "ports", (port) => dropValues(port, { protocol: "TCP" }))
  return changeItems(ported, "env", cleanVariable)
}

const cleanVolume = (volume: Members): Members => {
  const moded = fileVolumes.reduce(
    (cleaned, name) => changeMembers(cleaned, name, (source) => dropValues(source, { defaultMode: 420 })),
    volume,
  )
  return changeMembers(moded, "hostPath", (path) => dropValues(path, { type: "" }))
}

const containers = ["containers", "initContainers"] as const

/** What pods and templates have in common. */
const cleanSpec = (spec: Members): Members => {
  const bare = dropValues(spec, { ...specDefaults, serviceAccount: spec["serviceAccountName"] })
  const contained = containers.reduce((cleaned, name) => changeItems(cleaned, name, cleanContainer), bare)
  return changeItems(contained, "volumes", cleanVolume)
}

/**
 * A pod template: of a Deployment, a Job and the like.
 * @param template the member `template` of their spec
 */
export const cleanTemplate = (template: Members): Members => {
  const named = changeMembers(template, "metadata", (metadata) => dropWhere(metadata, (_name, value) => value === null))
  return changeMembers(dropEmpty(named, "metadata"), "spec", cleanSpec)
}

/** Where every container finds the token of its service account. */
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

/** The volumes of that token that admission has added, as it has named them since 1.21 and before. */
const tokenVolumesOf = (spec: Members): ReadonlySet<unknown> => {
  const isToken = (volume: Members): boolean => {
    const name = String(volume["name"])
    return isMembers(volume["secret"]) ? /-token-[a-z0-9]{5}$/.test(name) : /^kube-api-access-[a-z0-9]{5}$/.test(name)
  }
  return new Set(
    itemsOf(spec["volumes"])
      .filter(isMembers)
      .filter(isToken)
      .map(({ name }) => name),
  )
}

const dropToken = (spec: Members): Members => {
  const tokens = tokenVolumesOf(spec)
  const dropMount = (container: Members): Members =>
    keepItems(container, "volumeMounts", ({ mountPath, name }) => mountPath !== tokenPath || !tokens.has(name))
  const unmounted = [...containers, "ephemeralContainers"].reduce((cleaned, name) => changeItems(cleaned, name, dropMount), spec)
  return keepItems(unmounted, "volumes", ({ name }) => !tokens.has(name))
}

/** Admission gives every pod five minutes on a node that is lost. */
const isLostNode = ({ effect, key, operator, tolerationSeconds }: Members): boolean =>
  (key === "node.kubernetes.io/not-ready" || key === "node.kubernetes.io/unreachable") &&
  effect === "NoExecute" &&
  operator === "Exists" &&
  tolerationSeconds === 300

/** The spec of a pod that runs: also without its node and what admission has added. */
export const cleanPodSpec = (spec: Members): Members => {
  const placed = drop(dropToken(spec), "nodeName", "priority", "ephemeralContainers")
  const tolerant = keepItems(placed, "tolerations", (toleration) => !isLostNode(toleration))
  const cleaned = dropValues(cleanSpec(tolerant), { preemptionPolicy: "PreemptLowerPriority" })
  return change(cleaned, "serviceAccountName", (name) => (name === "default" ? undefined : name))
}
