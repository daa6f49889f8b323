/**
 * The registry of MeshKit structured errors: every error and warning that a person can meet, with code, severity, cause and remedy.
 * Codes are never reused. 1000-1015 carry the meaning that they have in Meshery's own MeshSync; ours begin at 1016.
 * `docs/ERRORS.md` and `helpers/errorutil_errors_export.json` are made from this table by `make error`.
 */
import * as Data from "effect/Data"

/** MeshKit's severities with the numbers that logs show. */
export const severityNumber = { Emergency: 0, None: 1, Alert: 2, Critical: 3, Fatal: 4 } as const
export type Severity = keyof typeof severityNumber

/** What a person is told about an error. */
export interface ErrorEntry {
  /** An integer as text; the key of MeshKit's error reference. */
  readonly code: string
  readonly severity: Severity
  readonly short: string
  /** Empty where the long description is what happened in the single case. */
  readonly long: string
  readonly cause: string
  readonly remedy: string
}

const entry = (code: number, severity: Severity, short: string, cause: string, remedy: string, long = ""): ErrorEntry => ({
  code: String(code),
  severity,
  short,
  long,
  cause,
  remedy,
})

/** All errors by name. */
export const errorRegistry = {
  ErrInitConfig: entry(
    1000,
    "Alert",
    "The watch configuration cannot be used",
    "The MeshSync custom resource is missing, outdated or malformed",
    "Check spec.watch-list of the meshsyncs resource: data.whitelist and data.blacklist are JSON arrays, and one of them has an element",
    "The MeshSync custom resource could not be turned into a watch configuration",
  ),
  ErrList: entry(
    1001,
    "Alert",
    "Listing a resource failed",
    "The API server did not answer the list as asked",
    "Check the API server's health and the permissions of the service account",
  ),
  ErrPublish: entry(
    1002,
    "Alert",
    "Publishing a message failed",
    "The broker did not accept the message",
    "Check that the broker is reachable and that its permissions allow publishing on meshery.meshsync.>",
  ),
  ErrDynamicClient: entry(
    1003,
    "Alert",
    "No Kubernetes client could be made",
    "The kubeconfig is unusable",
    "Check the kubeconfig with kubectl",
  ),
  ErrGetObject: entry(
    1004,
    "Alert",
    "Reading an object failed",
    "The object does not exist or may not be read",
    "Check the name and the permissions of the service account",
  ),
  ErrNewPipeline: entry(
    1005,
    "Alert",
    "Nothing is selected",
    "The watch-list and the filters together leave no resource that this cluster serves",
    "Compare the watch-list and --resources with the output of kubectl api-resources",
  ),
  ErrNewInformer: entry(
    1006,
    "Alert",
    "A resource cannot be watched",
    "The resource is invalid or not served",
    "Name a resource that kubectl api-resources lists with the verbs list and watch",
  ),
  ErrKubeConfig: entry(
    1007,
    "Fatal",
    "No usable Kubernetes configuration",
    "The kubeconfig is missing, malformed, or names a file that cannot be read",
    "Check the file named above, or choose another with --kubeconfig; inside a cluster check that a service account is mounted",
  ),
  ErrInitRequest: entry(1008, "Alert", "Requests cannot be received", "The process lacks resources", "Give it more memory"),
  ErrSubscribeRequest: entry(
    1009,
    "Alert",
    "Subscribing to requests failed",
    "The broker's permissions forbid it",
    "Allow subscribing to meshery.meshsync.request",
  ),
  ErrLogStream: entry(
    1010,
    "Alert",
    "Opening a log stream failed",
    "The pod or container does not exist or may not be read",
    "Name an existing container, and allow get on pods/log",
  ),
  ErrCopyBuffer: entry(1011, "Alert", "Reading a log stream failed", "The connection to the kubelet was lost", "Ask for the stream again"),
  ErrInvalidRequest: entry(
    1012,
    "Alert",
    "A request is malformed",
    "Something publishes on the request subject that is no request",
    'Publish JSON of the form {"Request":{"Entity":"resync-discovery"}}',
  ),
  ErrExecTerminal: entry(
    1013,
    "Alert",
    "A terminal session failed",
    "The pod or container does not exist, or has no /bin/sh",
    "Name an existing container, and allow create on pods/exec",
  ),
  ErrCacheSync: entry(
    1014,
    "Alert",
    "A resource has not been listed completely",
    "The API server refuses or interrupts its list",
    "See the message of the same resource before this one",
  ),
  ErrWriteOutput: entry(1015, "Alert", "Writing output failed", "The output refused what was written", "See the message before this one"),
  ErrUnknownResource: entry(
    1016,
    "Alert",
    "A resource name is unknown to this cluster",
    "It is misspelt, or the API that serves it is not installed",
    "Use a name that kubectl api-resources lists; the nearest one is given above",
  ),
  ErrUnknownEvent: entry(1017, "Alert", "An event name is unknown", "It is misspelt in the watch-list", "Use ADDED, MODIFIED or DELETED"),
  ErrMessageTooLarge: entry(
    1018,
    "Critical",
    "An object is larger than the broker accepts",
    "Its message exceeds the broker's max_payload",
    "Raise max_payload in the broker's configuration, give --oversize=chunks where consumers can read it, or exclude the object's kind",
  ),
  ErrForbidden: entry(
    1019,
    "Alert",
    "A resource may not be read",
    "The permissions of the service account lack list or watch on it",
    "Grant list and watch on it (meshsync rbac prints what is needed), or exclude it; it is tried again by itself",
  ),
  ErrNotServed: entry(
    1020,
    "Alert",
    "A resource is not served",
    "Its API is not installed, was removed, or is not ready yet",
    "Install the API or exclude the resource; it is tried again by itself",
  ),
  ErrApiUnavailable: entry(
    1021,
    "Alert",
    "The API server did not answer",
    "It is restarting, overloaded, or cannot be reached",
    "Nothing, if it passes; else check the API server and the network between",
  ),
  ErrRefused: entry(
    1022,
    "Alert",
    "A resource cannot be read as asked",
    "The label selector is malformed, its conversion webhook fails, or it does not support list and watch",
    "Check --selector and the conversion webhook of its definition, or exclude the resource; it is tried again by itself",
  ),
  ErrUnauthorized: entry(
    1023,
    "Alert",
    "The API server does not accept the credentials",
    "A token or a client certificate has expired",
    "Renew the credentials; they are read again by themselves",
  ),
  ErrSkippedObject: entry(
    1024,
    "Alert",
    "An object was skipped",
    "It cannot be represented: too deep, too large, or without a name",
    "Look at the object named above; everything else is announced",
  ),
  ErrBrokerUrl: entry(
    1025,
    "Fatal",
    "The broker's address is missing or malformed",
    "BROKER_URL is empty or no URL",
    "Set BROKER_URL, e.g. nats://meshery-nats:4222; several addresses are separated by commas",
  ),
  ErrBrokerConnect: entry(
    1026,
    "Fatal",
    "The broker cannot be reached",
    "No server answers at the address, or it refuses the credentials",
    "Check that NATS runs at the address and accepts the credentials",
  ),
  ErrBrokerCredentials: entry(
    1027,
    "Fatal",
    "The broker's credentials cannot be read",
    "A file named by NATS_CREDS, NATS_NKEY, NATS_CERT, NATS_KEY or NATS_CA is missing or unreadable",
    "Check the file named above",
  ),
  ErrOutputMode: entry(1028, "Fatal", "The output is unknown", "--output has an unknown value", "Use broker, file or stdout"),
  ErrOutputFile: entry(
    1029,
    "Fatal",
    "A snapshot cannot be written",
    "The folder is missing or not writable, the disk is full, or no generated name is free",
    "Name a writable place with --output-file",
  ),
  ErrClusterId: entry(
    1030,
    "Critical",
    "The cluster's id is unknown",
    "The namespace kube-system cannot be read",
    "Allow get on the namespace kube-system, or set MESHSYNC_CLUSTER_ID to its uid; Meshery shows nothing of a cluster without an id",
  ),
  ErrDiscovery: entry(
    1031,
    "Alert",
    "The cluster's resource types cannot be read",
    "The API server does not answer /api and /apis, or an aggregated API is down",
    "Check kubectl api-resources; it is tried again by itself",
  ),
  ErrIncompleteSnapshot: entry(
    1032,
    "Critical",
    "The snapshot is incomplete",
    "Some resources could not be read",
    "Grant list on the resources named above or exclude them, then run again",
  ),
  ErrUsage: entry(1033, "Fatal", "The command line is wrong", "A flag, a value or a command is misspelt", "See meshsync --help"),
  ErrPublishRefused: entry(
    1034,
    "Critical",
    "The broker refuses to take messages",
    "The broker's permissions forbid publishing",
    "Allow publishing on meshery.meshsync.> for this user",
  ),
  ErrHealthPort: entry(
    1035,
    "Alert",
    "The health port cannot be opened",
    "Another process listens on it",
    "Stop the other process, or set another --health-port; everything else goes on",
  ),
  ErrVanished: entry(
    1036,
    "None",
    "A resource type is gone",
    "Its definition was deleted, or its API was removed",
    "Nothing: its objects are announced as deleted",
  ),
  ErrInternal: entry(1037, "Fatal", "A defect of this program", "An assumption of the code does not hold", "Report it with the text above"),
  ErrLeftOut: entry(
    1038,
    "None",
    "A named resource is left out",
    "The blacklist of the MeshSync resource or the filter of namespaces excludes it",
    "Remove the name, or loosen what excludes it",
  ),
  ErrStatus: entry(
    1039,
    "Alert",
    "No running meshsync answers",
    "None runs there, or its health port is another one or off",
    "Name the address with --address, e.g. after kubectl -n meshery port-forward deployment/meshery-meshsync 11000",
  ),
  ErrInvalidMessage: entry(
    1040,
    "Alert",
    "A message is malformed",
    "The bytes are no message about a resource, or come from another program",
    "Decode only what arrives on meshery.meshsync.core",
  ),
  ErrDoctor: entry(
    1041,
    "Alert",
    "Something that a run needs is missing",
    "It is not there, not reachable, or not allowed",
    "Follow the arrows below the rows that failed, then ask again",
  ),
  ErrSnapshotRead: entry(
    1042,
    "Alert",
    "A snapshot cannot be read",
    "There is no such file, it may not be read, it holds something else, or more than is compared",
    "Name a file or folder of meshsync snapshot, a snapshot of --output file, or the lines of --output stdout",
  ),
  ErrStateFile: entry(
    1043,
    "Alert",
    "The state file cannot be used",
    "It is damaged, of another cluster or broker, or cannot be read or written there",
    "Nothing where it was set aside: everything is announced once more. Else name another path, or free some space",
  ),
  ErrStateFileHeld: entry(
    1044,
    "Critical",
    "Another process uses the state file",
    "Two of them run with the same --state-file",
    "Stop the other one, or give each a file of its own",
  ),
  ErrCompare: entry(
    1045,
    "Alert",
    "The comparison cannot be made",
    "The other MeshSync does not run, publishes to another broker, or has nothing to tell; or its messages may not be read",
    "Check BROKER_URL; beside one that has been running, change an object, or give --resync; with --peer, run its command alone once",
  ),
} as const satisfies Record<string, ErrorEntry>

/** The key of an entry. */
export type ErrorName = keyof typeof errorRegistry

/** The text form of MeshKit: the parts that are known, joined by ` | `. */
export const errorText = (key: ErrorName, detail: string): string => {
  const { cause, long, remedy, short }: ErrorEntry = errorRegistry[key]
  const what = detail === "" ? long : detail
  return [
    what,
    what === short ? "" : `Short Description: ${short}`,
    cause === "" ? "" : `Probable Cause: ${cause}`,
    remedy === "" ? "" : `Suggested Remediation: ${remedy}`,
  ]
    .filter((part) => part !== "")
    .join(" | ")
}

/** A structured error on its way to a person. `detail` says what happened in this case, without secrets. */
export class MeshError extends Data.TaggedError("MeshError")<{ readonly key: ErrorName; readonly detail: string }> {
  /** MeshKit's code, e.g. `1007`. */
  get code(): string {
    return errorRegistry[this.key].code
  }
  get entry(): ErrorEntry {
    return errorRegistry[this.key]
  }
  override get message(): string {
    return errorText(this.key, this.detail)
  }
}

/** An error of the registry. @param detail what happened in this case, without secrets */
export const meshError = (key: ErrorName, detail: string): MeshError => new MeshError({ key, detail })
