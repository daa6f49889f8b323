/**
 * Every bound of the program, with its arithmetic. A queue, buffer, retry or wait that is not named here does not exist.
 * Units are the last word of a name. Nothing here reads a clock or an environment.
 */

const KiB = 1024
const MiB = 1024 * KiB
const second = 1000
const minute = 60 * second

// Reading ------------------------------------------------------------------------------------------------------------

/** First page of a list: 100 objects of 10 KiB are 1 MiB, so an unknown kind with 1 MiB objects costs 100 MiB at worst once. */
export const pageObjectsFirst = 100
/** A page never asks for more than this, however small the objects are (the API server holds a page in memory too). */
export const pageObjectsMax = 5_000
/** Pages grow towards this size: bigger ones gain 5-8 %, pages half as big lose a few per cent, and two of them are held at a time. */
export const pageBytesTarget = 4 * MiB
/** A page body above this is refused: 100 objects of etcd's 1.5 MiB each, as JSON, with room. */
export const pageBytesMax = 256 * MiB
/** Items of one answer: a server that ignores `limit` may send more than asked, and 500,000 records of 202 bytes are a table of 100 MB. */
export const pageRecordsMax = 500_000
/** A watch line above this is skipped by reference: etcd stores at most 1.5 MiB, JSON with managedFields may double it. */
export const lineBytesMax = 16 * MiB
/** What a framer keeps of its buffer between long lines: 70 watches with 256 KiB each are 17 MiB. */
export const framerBytesKept = 256 * KiB
/** Objects nested deeper than this are skipped by reference; the API server's own decoder stops at 10,000. */
export const depthMax = 512
/** Lists running at the same time, over all lanes. */
export const listsConcurrentMax = 3
/**
 * Requests of a run at once, and a second when those are used up: 300 types cost 300 lists, 300 watches and a few questions, so a start, or
 * all watches ending together, is not slowed; 300 lanes that fail ask 10 times a second, 300 watches that end in order once.
 */
export const requestsBurst = 1_000
export const requestsPerSecond = 50
/** A Retry-After said to one list holds back all that would begin, for this long at most; the lane itself waits as long as it was told. */
export const listsHeldMaxMs = 10 * second
/** Wait for the first byte of an answer. */
export const answerWaitMs = 30 * second
/** A watch asks the API server to end it after a time drawn between these two, as client-go does. */
export const watchTimeoutMinMs = 5 * minute
export const watchTimeoutMaxMs = 10 * minute
/** Bookmarks come about every minute: after the first one, this long without a byte means that the connection is half open. */
export const watchIdleMs = 150 * second
/** Before the first bookmark only the watch's own timeout ends it; this much is allowed on top. */
export const watchGraceMs = 30 * second
/** Answer bodies kept for an error's text. */
export const errorBodyBytesMax = 8 * KiB
/** The body of an answer may stand still this long; a page of 256 MiB at 10 MB/s comes in one go, so silence is a fault. */
export const bodyStallMs = 30 * second
/** Memory of pages that came back, kept for the next ones: one a running list, none larger than two pages. */
export const pagesKeptMax = listsConcurrentMax
export const pageKeptBytesMax = 2 * pageBytesTarget
/** One document (discovery, a single object): aggregated discovery takes about 600 bytes a type, so this is room for 50,000 types. */
export const documentBytesMax = 32 * MiB
/** Connections kept open without a request: 3 lists and what ended watches leave; about 50 KiB each with TLS. */
export const socketsIdleMax = 16
export const socketIdleMs = 90 * second
/** A credentials plugin may ask a person to log in; it is stopped after this, or when it prints more than this. */
export const credentialsWaitMs = 1 * minute
export const credentialsBytesMax = 1 * MiB
/** When a token expires every watch hears of it: credentials are renewed once for all of them in this time. */
export const credentialsRenewEveryMs = 10 * second

// Retrying -----------------------------------------------------------------------------------------------------------

/** Pause after a transient failure: doubles from the first to the last, drawn between half and the whole. */
export const retryFirstMs = 500
export const retryLastMs = 30 * second
/** Pause after 403, 404, 405 or a conversion error: somebody has to act, so ask rarely. */
export const refusedFirstMs = 5 * second
export const refusedLastMs = 5 * minute
/** A Retry-After above this is cut: a lane must come back by itself. */
export const retryAfterMaxMs = 5 * minute
/** A watch whose start was refused as too old this often without progress is treated as unavailable. */
export const attemptsDoublingMax = 10

/** A lane that failed this often in a row (about 15 s) no longer holds up a snapshot that waits for everything. */
export const settleAttempts = 6
/** From then on a kind for which the server answers, and answers wrongly (500, no JSON), is asked less than once in 30 s. */
export const brokenEveryMs = 35 * second
/** Signals to a lane that wait for its block: a resync, the end of its type. Later ones of the same sort say nothing new. */
export const laneSignalsMax = 16
/** Buffers for batches kept for the next batch: as many as lists run at a time, and one for live changes. */
export const writersKeptMax = 4
/** A buffer that one huge object made larger than this is not kept. */
export const writerBytesKeptMax = 4 * MiB

// Comparing ----------------------------------------------------------------------------------------------------------

/** A shorter interval between comparisons of lists with the ledger is refused: listing everything is what watches are there to avoid. */
export const reconcileEveryMinMs = 5 * minute
/** Part of the interval by which each one is made shorter or longer at most, so that many clusters do not list in step. */
export const reconcileJitter = 0.1
/** Whether a comparison is due, or the interval has changed, is looked at this often. */
export const reconcileLookEveryMs = 30 * second
/** Kinds are compared one after another, this far apart: 70 of them are spread over a minute or two. */
export const reconcileGapMs = 1 * second
/** One kind holds up the others for this long at most: 100,000 objects announced at the default pace take 70 s. */
export const reconcileLaneWaitMs = 5 * minute
/** Whether a kind has been compared is looked at this often. */
export const reconcileLaneLookMs = 250

// Holding back -------------------------------------------------------------------------------------------------------

/** The longest interval between two states of an object: beyond it whoever only wants a look now and then had better list. */
export const holdIntervalMaxMs = 60 * minute
/** States that wait, over all kinds: 32,000 Leases of 500 bytes, or 1,600 Endpoints of 10 KiB. What finds no room is sent at once. */
export const heldBytesMax = 16 * MiB
/** Objects of which it is known when they were sent, over all kinds: some 200 bytes each, so 10 MB. Beyond it a kind forgets its oldest. */
export const heldLivesMax = 50_000
/** What is due goes out together with what comes due in this time; it is also how often the end of a list is looked for. */
export const heldGatherMs = 100
/** At the end of a run what waits gets this long to go out, of the time that the whole end has. */
export const heldEndWaitMs = 2 * second

// Discovery ----------------------------------------------------------------------------------------------------------

/** A type counts as gone when two successful discoveries this far apart both lack it. */
export const vanishedAfterMs = 5 * second
/** A discovery runs at least this often even when no custom resource definition changes (aggregated APIs come and go silently). */
export const discoveryEveryMs = 5 * minute
/** Changes of custom resource definitions are gathered this long before discovery is asked. */
export const discoveryDebounceMs = 500
/** A new definition is served a moment after it was stored: discovery is asked again at these times after a change. */
export const discoveryAgainMs: ReadonlyArray<number> = [500, 2 * second, 6 * second]
/** The cluster id is asked for this long before the first message goes out without it. */
export const clusterIdWaitMs = 30 * second
export const clusterIdAgainMs = 1 * second
/** A run that goes on does not believe a refusal for so long: an API server that has just started has no roles yet, for a second or two. */
export const clusterIdForbiddenWaitMs = 5 * second
/** Whether the namespaces that were named exist is asked once, of so many of them at once, and not waited for longer. */
export const namespacesAskedMax = 20
export const namespaceWaitMs = 5 * second

/** While no MeshSync custom resource is defined it is looked for this often: two requests that are refused at once. */
export const configurationAgainMs = 30 * second
/** So many lists in a row without the definition, 7 s or more from first to last, mean that the custom resource is gone. */
export const configurationGoneLists = 3

// Delivering ---------------------------------------------------------------------------------------------------------

/** Steps of a path that `--redact-path` names: finding it recurses once for each, and an object nests no deeper than `depthMax`. */
export const redactPathStepsMax = 64

/** One batch to a sink: a big page never blocks a live change of another lane for longer than 1 MiB takes. */
export const batchBytesMax = 1 * MiB
/** Messages in one batch: 250 handled at 0.5 ms each keep a Go consumer busy for 125 ms. */
export const batchMessagesMax = 250
/** Announcements over core NATS: a consumer at 0.5 ms a message handles 2,000 a second; nats.go drops what exceeds 64 MiB unhandled. */
export const paceMessagesPerSecond = 1_500
export const paceBytesPerSecond = 16 * MiB
/** After a reconnect subscribers get this long to come back before everything is announced again. */
export const announceAfterReconnectMs = 10 * second
/**
 * At most one such announcement in this time; a later one waits. With the time above and 5,000 objects at their pace (4 s) a consumer is
 * whole again 30 s after its broker. A larger cluster's announcement takes longer than this, and what is asked meanwhile is one more.
 */
export const announceEveryMs = 15 * second
/** Deletions repeated after an announcement: those of the last 15 minutes, at most this many (about 200 bytes each). */
export const departuresKeptMs = 15 * minute
export const departuresMax = 100_000
/** Meshery Server gathers messages for 500 ms and applies upserts before deletes: an object created anew goes out once more after this. */
export const recreationWindowMs = 2 * second
export const recreationRepeatMs = 1_500
export const recreationsMax = 1_000
/**
 * Replies that may be on their way without a word of the broker: those of a store of 50,000 pods, 400 MB, would else wait in memory while
 * it stands still.
 */
export const repliesAwayBytesMax = 1 * MiB
/** A flush that is not answered in this time counts as doubtful. */
export const flushWaitMs = 10 * second
/** On a signal: time to finish what is in flight, and for the whole process to end. */
export const drainWaitMs = 5 * second
export const shutdownWaitMs = 8 * second
/** The broker's monitoring port is asked this often, for this long, before a broker that cannot be reached either is fatal. */
export const probeEveryMs = 1 * second
export const probeAnswerWaitMs = 5 * second
export const probeGiveUpMs = 5 * minute
/** NATS reconnects without end, this far apart. */
export const reconnectEveryMs = 2 * second
/** One attempt to reach a broker: connection, greeting and login. */
export const brokerDialWaitMs = 5 * second
/** Largest message until a broker has said its own: the default of NATS. */
export const brokerPayloadBytesMax = 1 * MiB
/**
 * A message that goes in pieces. etcd takes 1.5 MiB, and 10 MiB without a warning where it is told to; quoted in a message they are a few
 * tenths more. One of them is on its way at a time, beside the batches of `batchesInFlightMax`.
 */
export const oversizeBytesMax = 16 * MiB
export const oversizeInFlightMax = 1
/** What the headers of a piece take of the broker's largest payload: five names and values are 230 bytes. */
export const pieceHeaderBytesMax = 512
/** A broker that leaves less than this for a piece gets none: 16 MiB are 32,768 of them. */
export const pieceBytesMin = 512
/** Messages that a consumer has pieces of, and their bytes; beyond, the one that waits longest for a piece is forgotten. */
export const piecedMessagesMax = 8
export const piecedBytesMax = 2 * oversizeBytesMax
/** While the broker cannot be reached, one line in this time says so (the first at once). */
export const brokerWarnEveryMs = 10 * second
/** A connection without traffic is asked this often whether it lives; two questions without an answer end it. */
export const brokerPingEveryMs = 30 * second
/** Batches on their way to the broker at the same time, over all lanes: 16 of 1 MiB are the most that a stalled connection can hold. */
export const batchesInFlightMax = 16
/** A broker that forbids publishing is tried again after this long. */
export const publishRefusedMs = 5 * second
/** While nobody listens, the broker is asked this often whether somebody does. */
export const audienceEveryMs = 10 * second
/** When somebody listens at last, others get this long to come as well before everything is announced. */
export const audienceGatherMs = 2 * second
/** Repetitions of recreated objects are looked for this often. */
export const repeatEveryMs = 250
/** An answer of the broker's monitoring port above this is not read. */
export const monitorAnswerBytesMax = 1 * MiB
/** An upsert this long after the Deleted of its address lies in a later batch of Meshery Server (500 ms) and needs no repetition. */
export const recreationSettledMs = 1 * second
/** Deletions watched for a recreation: those of `recreationWindowMs`, about 250 bytes each, so 5 MB. */
export const recreationsWatchedMax = 20_000
/** Copies of messages that wait for their repetition; beyond it the oldest goes out early. */
export const recreationsBytesMax = 8 * MiB
/** In-process subscribers: messages waiting for one of them, and how long a publisher waits for a full one. */
export const brokerQueueMax = 1024
export const brokerQueueWaitMs = 1 * second
/** Batches of copied changes that wait for an embedder's loop: two of at most 1 MiB, and one in its hands. */
export const changeBatchesWaitingMax = 2
/** A resync request is gathered this long with others. */
export const resyncDebounceMs = 5 * second
/** Requests waiting to be worked on; more are refused with a log line. */
export const requestsWaitingMax = 64
/** A request above this is not read. */
export const requestBytesMax = 64 * KiB
/** Dropped requests are reported once in this time, with their number. */
export const requestsDroppedEveryMs = 1 * minute
/** A kind of mistake in requests is named once in this time; the kinds are fixed texts, about ten. */
export const requestComplaintEveryMs = 1 * minute

/** How often a consumer can compare what it holds: 200 kinds are 7 marks a second, of some 200 bytes each. */
export const marksEveryMs = 30 * second
/** A digest that does not go out in this time is left out: the next one says more. */
export const markWaitMs = 5 * second
/** Other marks are tried so often; the sink waits by itself while it is away. */
export const markAttemptsMax = 5
/** Objects of a kind named as too large in its marks: addresses of at most 320 bytes, 32 KiB. Beyond, nothing is said of its content. */
export const omittedMax = 100

/** Dumps of the store that wait for the running one; more are refused with a log line. A dump holds one page, a waiting one its subject. */
export const dumpsWaitingMax = 4
/** Objects in one message of a dump, as in the Go MeshSync. */
export const dumpItemsMax = 5
/**
 * Failed lists that one dump asks for again, over all its kinds. The pauses double from half a second to 30 s: 90 s in all, and 4 min where
 * the server asks for longer ones. Other dumps wait as long.
 */
export const dumpRetriesMax = 8
/** After a dump's last message the deletions since its beginning are said again at these times: Meshery Server gathers for 500 ms. */
export const dumpRepeatsMs: ReadonlyArray<number> = [2 * second, 10 * second]

// Sessions in pods ---------------------------------------------------------------------------------------------------

/** Log streams and terminals at a time. Each has a socket, a chunk or two and, for a terminal, its input: some 100 KiB. */
export const logSessionsMax = 64
export const execSessionsMax = 16
/** A session in which nothing is said for this long is ended; so is one that does not begin. */
export const sessionIdleMs = 30 * minute
/** Bytes of one message of a log and of a terminal, as in the Go MeshSync; a line above it is cut at a character. */
export const logChunkBytesMax = 2_000
export const terminalChunkBytesMax = 1_024
/** What a session may send: 80 of them at full speed are 80 MiB/s, which a broker on a fast network takes. */
export const sessionBytesPerSecond = 1 * MiB
/** Inputs that wait for a terminal, as in the Go MeshSync; further ones are dropped. One above `requestBytesMax` is not read. */
export const terminalInputsMax = 256
/** The list of sessions is published this often once somebody has asked for it. */
export const sessionsListedEveryMs = 10 * second
/** A frame of a terminal's connection; API servers send what a read of 32 KiB at most brought. */
export const terminalFrameBytesMax = 1 * MiB

// The state file -----------------------------------------------------------------------------------------------------

/** What was created anew this shortly before the end of a run may lack its repetition; a second is for the flush. */
export const recreationUnsureMs = recreationWindowMs + recreationRepeatMs + 1 * second
/** A line of it: a selection with 10,000 namespaces is 640 KiB. An object whose line would be longer is not written down. */
export const stateLineBytesMax = 1 * MiB
/** It is written anew when it has grown to so many times what it needs, and to at least this: 10,000 objects are some 1.2 MiB. */
export const stateGrowthMax = 4
export const stateGrownBytesMin = 4 * MiB
/** It is read in pieces of this size. */
export const stateReadBytes = 256 * KiB
/** Confirmations wait this long for the next entries; a process that is killed in between repeats one batch of each lane. */
export const stateFlushEveryMs = 100
/** What a kernel has not written is lost when a node loses its power; so the file is made safe this often while it grows. */
export const stateSyncEveryMs = 5 * second
/** Another process that holds it answers at once, or is stopped. */
export const stateLockWaitMs = 1 * second

// Services -----------------------------------------------------------------------------------------------------------

export const dialWaitMs = 5 * second
export const dialsConcurrentMax = 16
export const dialKeptMs = 10 * minute
export const dialsKeptMax = 10_000

// Surfaces -----------------------------------------------------------------------------------------------------------

export const healthPort = 11_000
export const healthHeaderWaitMs = 5 * second
/** Connections to the health port at a time: a kubelet, a few scrapers and people, some 20 KiB each. More are closed at once. */
export const healthConnectionsMax = 256
/** The terminal feed remembers this much to say what changed; older objects are forgotten first. */
export const feedMemoryBytesMax = 64 * MiB
/** The feed's status line is redrawn at most this often, and the summary of a list waits this long for more of its kind. */
export const feedRedrawMs = 250
export const feedQuietMs = 1 * second
/** A line of the feed names so many changed fields, with values of at most so many characters. */
export const feedFieldsMax = 6
export const feedValueCharsMax = 40
/** A replaced document is garbage in the spool, which is written anew when more than this, and more than half of it, is garbage. */
export const spoolGarbageBytesMin = 64 * MiB
/** Documents are copied from the spool this many bytes, and this many documents, at a time. */
export const spoolCopyBytes = 1 * MiB
export const spoolReadsMax = 64
/** A side of a comparison, as text: two of 256 MiB and the parsing of the one that is read are about 1 GiB, which Node's heap takes. */
export const snapshotReadBytesMax = 256 * MiB
/** A part of a path, in bytes, on every file system in use. */
export const fileNameBytesMax = 255
/** Generated snapshot names of one day, `00` to `1023`, as in the Go MeshSync. */
export const snapshotNamesMax = 1_024

// Looking before a run -----------------------------------------------------------------------------------------------

/** Questions to the API server at the same time: 100 kinds are 200 of them. */
export const reviewsConcurrentMax = 8
/** Tokens and certificates are judged by the clock: beyond this difference to the API server's it is worth a word. */
export const clockSkewMaxMs = 30 * second
/** An estimate judges a kind's size by so many objects: 70 kinds with objects of 10 KiB are 14 MiB. */
export const estimateSampleObjects = 20
/** What the ledger remembers of an object: a slot of 50 to 63 bytes and its name, which is up to about 40 characters long. */
export const ledgerBytesPerObject = 110

// Comparing with another MeshSync ------------------------------------------------------------------------------------

/** An event that one side tells is missing on the other after this long: a slow start, a slow broker and a pause of both fit into it. */
export const compareGraceMs = 30 * second
/** A side that announces has told everything when nothing new of it came for this long; it is waited for no longer than the second. */
export const compareQuietMs = 10 * second
export const compareAnnouncingMaxMs = 10 * minute
/** Events remembered, to know repetitions and what a list has passed over: about 400 bytes each, so 40 MB. */
export const compareEventsMax = 100_000
/** Texts that wait for their counterpart; beyond it the oldest become digests, which can still tell that two are equal. */
export const compareTextCharsMax = 64 * MiB
/** Findings told one by one, some 500 bytes each; further ones are counted. */
export const compareFindingsMax = 1_000
/** Paths named of one difference. */
export const comparePathsMax = 20
/** Differences that wait for a look at the object itself; further ones are judged without it. */
export const compareDoubtsMax = 64
/** What is due is judged, and the line on a terminal rewritten, this often; elsewhere a line comes this often. */
export const compareEveryMs = 1 * second
export const compareLineEveryMs = 10 * second
/** A peer that does not end on SIGTERM is killed after this. */
export const peerEndWaitMs = 5 * second

// The fake cluster ---------------------------------------------------------------------------------------------------

/** Events a type's watch cache tells about; the older half is forgotten beyond that. 10,000 objects of 8 KiB are 80 MiB at worst. */
export const fakeEventsMax = 10_000
/** Versions of a list that continue tokens may point to: twice the lists that run at a time, with room for cut ones. Arrays of pointers. */
export const fakeSnapshotsMax = 8
/** Its bookmarks come as a real server's: about every minute, and once more shortly before the end of a watch. */
export const fakeBookmarkEveryMs = 1 * minute
export const fakeBookmarkBeforeEndMs = 2 * second
/** A watch that names no timeout ends after this. */
export const fakeWatchSeconds = 1_800
/** An idle connection is kept this long. */
export const fakeIdleMs = 1 * minute
/** A written object above this is refused, as etcd would. */
export const fakeObjectBytesMax = 1_572_864
/** Lines of a container's log that are remembered. */
export const fakeLogLinesMax = 1_000
