/**
 * What Kubernetes does with a pod's container, as far as a program notices: variables, arguments, probes. And the Deployment that Meshery's
 * operator makes, word for word.
 */
import type { Container } from "./container.ts"
import { until } from "./program.ts"

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number }
  readonly exec?: { readonly command: ReadonlyArray<string> }
  readonly periodSeconds: number
  readonly timeoutSeconds: number
  readonly failureThreshold: number
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string; readonly optional?: boolean } }
}

export interface PodContainer {
  readonly name: string
  readonly image: string
  readonly command: ReadonlyArray<string>
  readonly args?: ReadonlyArray<string>
  readonly env: ReadonlyArray<Variable>
  readonly ports: ReadonlyArray<{ readonly name: string; readonly containerPort: number }>
  readonly livenessProbe: Probe
  readonly readinessProbe?: Probe
  /** All of them are of volumes that are empty at first. */
  readonly volumeMounts?: ReadonlyArray<{ readonly mountPath: string }>
}

export interface Deployment {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: {
    readonly replicas: number
    readonly template: {
      readonly metadata: object
      readonly spec: { readonly serviceAccountName: string; readonly containers: readonly [PodContainer] }
    }
  }
}

/**
 * The variables of a container: Secrets read, `$(NAME)` replaced by what an earlier one holds.
 * @param secrets values by `NAME/KEY`; what is absent here must be optional
 */
export const resolveVariables = (env: ReadonlyArray<Variable>, secrets: Readonly<Record<string, string>>): Record<string, string> => {
  const known: Record<string, string> = {}
  for (const { name, value = "", valueFrom } of env) {
    if (valueFrom === undefined) {
      known[name] = value.replaceAll(/\$\((\w+)\)/g, (whole, other: string) => known[other] ?? whole)
      continue
    }
    const { key, name: secret, optional = false } = valueFrom.secretKeyRef
    const found = secrets[`${secret}/${key}`]
    if (found !== undefined) known[name] = found
    else if (!optional) throw new Error(`there is no Secret ${secret} with ${key}`)
  }
  return known
}

/** One attempt of a probe: undefined if it succeeds, else why not. */
export const attemptProbe = async (container: Container, { ports }: PodContainer, probe: Probe): Promise<string | undefined> => {
  if (probe.exec !== undefined) {
    const { status, stderr } = await container.run(probe.exec.command, probe.timeoutSeconds * 1_000)
    return status === 0 ? undefined : `exit status ${status}: ${stderr}`
  }
  const { path, port } = probe.httpGet ?? { path: "", port: 0 }
  const number = ports.find(({ name }) => name === port)?.containerPort ?? Number(port)
  const { status, text } = await container.ask(number, path)
  return status >= 200 && status < 400 ? undefined : `${status} ${text}`
}

/** Waits for a probe's first success, no longer than until Kubernetes would give the pod up. */
export const awaitProbe = async (container: Container, pod: PodContainer, probe: Probe): Promise<void> => {
  let fault: string | undefined
  const look = async (): Promise<true | undefined> => {
    fault = await attemptProbe(container, pod, probe)
    return fault === undefined ? true : undefined
  }
  const limitMs = probe.periodSeconds * probe.failureThreshold * 1_000
  await until("the probe succeeds", limitMs, look, () => `${fault}\n${container.stdout()}\n${container.stderr()}`)
}

const labels = { app: "meshery", component: "meshsync" }
const annotations = { "meshery/component-type": "management-plane" }

/** For images whose tag is a version from 1.0.1 on. */
const httpProbes = {
  livenessProbe: {
    httpGet: { path: "/healthz", port: "client" },
    initialDelaySeconds: 10,
    periodSeconds: 30,
    timeoutSeconds: 5,
    failureThreshold: 5,
  },
  readinessProbe: {
    httpGet: { path: "/readyz", port: "client" },
    initialDelaySeconds: 5,
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 3,
  },
}

/** For all other tags. */
const execProbes = {
  livenessProbe: {
    exec: { command: ["./meshery-meshsync", "-h"] },
    initialDelaySeconds: 60,
    periodSeconds: 30,
    timeoutSeconds: 30,
    failureThreshold: 5,
  },
}

export interface OperatorOptions {
  /** Of the broker, HOST:PORT. */
  readonly address: string
  /** The image's tag, which decides over the kind of probes. */
  readonly tag: "1.0.3" | "edge-latest"
  /** The broker wants the token of the Secret meshery-nats-auth. */
  readonly tokenAuth: boolean
  /** What Meshery Server adds. */
  readonly args?: ReadonlyArray<string>
}

/** What Meshery's operator applies for the custom resource meshery/meshery-meshsync. */
export const operatorDeployment = ({ address, args, tag, tokenAuth }: OperatorOptions): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "meshery-meshsync", namespace: "meshery", labels, annotations },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels, annotations },
      spec: {
        serviceAccountName: "meshery-operator",
        shareProcessNamespace: true,
        terminationGracePeriodSeconds: 60,
        containers: [
          {
            name: "meshsync",
            image: `meshery/meshsync:${tag}`,
            imagePullPolicy: tag.endsWith("-latest") ? "Always" : "IfNotPresent",
            command: ["./meshery-meshsync"],
            ...(args && { args }),
            ports: [{ name: "client", containerPort: 11_000 }],
            env: [
              ...(tokenAuth ? [{ name: "NATS_TOKEN", valueFrom: { secretKeyRef: { name: "meshery-nats-auth", key: "token" } } }] : []),
              { name: "BROKER_URL", value: tokenAuth ? `nats://$(NATS_TOKEN)@${address}` : `nats://${address}` },
            ],
            resources: { requests: { cpu: "500m", memory: "512Mi" }, limits: { cpu: "4", memory: "4Gi" } },
            ...(tag === "1.0.3" ? httpProbes : execProbes),
          },
        ],
      },
    },
  },
})
