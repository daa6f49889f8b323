/**
 * One lane with its work done in virtual time: performs List, Watch and Pause against the fake API server, makes their outcomes facts,
 * takes the turns and delivers them until accepted, exactly as the lane's loop does over real ports.
 */
import { meetsTrouble } from "../../src/adapters/memory/fault.ts"
import { sortedItems } from "../../src/adapters/memory/model.ts"
import { decodeText, encodeText } from "../../src/adapters/memory/object.ts"
import { readBookmark, readWatch, type Watch } from "../../src/adapters/memory/watch.ts"
import {
  answerWaitMs,
  heldGatherMs,
  lineBytesMax,
  marksEveryMs,
  watchGraceMs,
  watchIdleMs,
  watchTimeoutMaxMs,
  watchTimeoutMinMs,
} from "../../src/domain/limit.ts"
import { Field, Flaw, makeRecords, type Records } from "../../src/domain/read/record.ts"
import { apiVersionOf } from "../../src/domain/select/resource.ts"
import { clearOutput, type Change, type Command, type Fact, type Failure } from "../../src/domain/sync/fact.ts"
import { digestText } from "../../src/domain/sync/digest.ts"
import { makeLedger, upsert } from "../../src/domain/sync/ledger.ts"
import { scanPage } from "../../src/domain/read/scan.ts"
import { textOf } from "../../src/domain/read/text.ts"
import { makeWriter } from "../../src/domain/wire/writer.ts"
import type { Message } from "../../src/ports/Sink.ts"
import { deliver } from "./broker.ts"
import { countMeeting, judgeChange, judgeView, noteSelection } from "./judge.ts"
import type { Subject } from "./subject.ts"
import { after, Finding, note } from "./world.ts"
import { deliverMarks } from "./marking.ts"
import { ask, bodyOf, broken } from "./request.ts"
import type { Runner } from "./runner.ts"

type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { _tag: Tag }>

export const start = (runner: Runner): void => turn(runner, { _tag: "Started" }, (next) => perform(runner, next))

export const signal = (runner: Runner, fact: Fact): void => {
  runner.signals.push(fact)
  runner.onSignal?.()
}

const perform = (runner: Runner, command: Command | undefined): void => {
  switch (command?._tag) {
    case "Close":
      for (const closed of runner.onClosed) closed()
      return
    case "List":
      return fetchPage(runner, command, (given) => whenFree(runner, () => absorbPage(runner, given)))
    case "Pause":
      return pause(runner, command)
    case "Watch":
    case undefined:
      return openWatch(runner, command?.resourceVersion ?? runner.lane.resourceVersion)
    case "RenewCredentials":
      throw new Finding("credentials are renewed within the turn that asks for it")
  }
}

// Turns ------------------------------------------------------------------------------------------------------------------

const turn = (runner: Runner, fact: Fact, then: (next: Command | undefined) => void): void =>
  whenFree(runner, () => {
    const next = decide(runner, fact)
    settle(runner, fact, () => then(next))
  })

/** One turn at a time. */
const whenFree = (runner: Runner, run: () => void): void => {
  if (runner.busy) runner.waiting.push(() => whenFree(runner, run))
  else run()
}

const decide = (runner: Runner, fact: Fact): Command | undefined => {
  const { lane, output, scene } = runner
  const { departures, judge, subject, world } = scene
  const state = lane.state._tag
  countMeeting(judge, state, fact._tag)
  const isAgain = lane.announcing
  runner.busy = true
  clearOutput(output)
  subject.turn.takeTurn(lane, fact, world.nowMs, departures, output)
  const commands = output.commands.map(({ _tag }) => _tag).join("+")
  if (fact._tag !== "DigestDue")
    note(world, `${lane.key} ${state} × ${fact._tag}${"failure" in fact ? ` ${fact.failure._tag}` : ""} → ${commands}`)
  const records = "records" in fact ? fact.records : subject.turn.noRecords
  for (const change of output.changes) {
    const { name, namespace, resourceVersion, uid } = subject.turn.departedOf(change, records)
    const type = change.departed === undefined ? lane.spec.type : (change.type ?? lane.spec.type)
    const told = { event: change.event, type: `${apiVersionOf(type)} ${type.kind}`, address: `${namespace}/${name}` }
    judgeChange(judge, { ...told, seen: { uid, version: resourceVersion } }, isAgain, output.announced)
  }
  judgeIntervals(runner, fact, records)
  stir(runner)
  if ("failure" in fact && fact.failure._tag === "NotServed") scene.onNotServed()
  const next = output.commands.at(-1)
  if (fact._tag === "ResyncAsked" || fact._tag === "Reselected") runner.notBeforeMs = 0
  if (fact._tag === "Reselected") noteSelection(judge, runner.type, fact.spec)
  return next
}

/** All of a turn goes out, its marks last; then whoever waits has the word. */
const settle = (runner: Runner, fact: Fact, then: () => void): void => {
  const { lane, output, scene } = runner
  const records = "records" in fact ? fact.records : scene.subject.turn.noRecords
  deliverFrom(runner, records, 0, () =>
    deliverMarks(runner, output.marks.slice(), () => {
      if (lane.holding !== undefined) scene.subject.holding.noteAccepted(lane.holding, scene.world.nowMs)
      noteLives(runner, output.changes, records)
      runner.busy = false
      runner.waiting.shift()?.()
      then()
    }),
  )
}

const isClosed = ({ lane }: Runner): boolean => lane.state._tag === "closed"

/** Says every half minute what the lane holds, unless the broker is away; the running list, watch or pause does not notice. */
export const tellDigests = (runner: Runner): void => {
  const { broker, world } = runner.scene
  after(world, marksEveryMs, () => {
    if (isClosed(runner)) return
    if (!broker.isAway)
      whenFree(runner, () => (isClosed(runner) ? runner.waiting.shift()?.() : turn(runner, { _tag: "DigestDue" }, () => {})))
    tellDigests(runner)
  })
}

// What is held back ------------------------------------------------------------------------------------------------------

const lifeOf = (runner: Runner, change: Change, records: Records): string => {
  const { name, namespace, uid } = runner.scene.subject.turn.departedOf(change, records)
  return `${namespace}/${name} ${uid}`
}

const noteLives = (runner: Runner, changes: ReadonlyArray<Change>, records: Records): void => {
  if (runner.scene.minIntervalMs === 0) return
  for (const change of changes) {
    const life = lifeOf(runner, change, records)
    if (change.event === "Deleted") runner.acceptedMs.delete(life)
    else runner.acceptedMs.set(life, runner.scene.world.nowMs)
  }
}

/** Two states of a life are sent no sooner after each other than the interval, but for what a list shows. */
const judgeIntervals = (runner: Runner, fact: Fact, records: Records): void => {
  const { minIntervalMs, world } = runner.scene
  if (minIntervalMs === 0 || fact._tag === "PageListed") return
  const said = new Set<string>()
  for (const change of runner.output.changes) {
    if (change.event === "Deleted") continue
    const life = lifeOf(runner, change, records)
    const gapMs = said.has(life) ? 0 : world.nowMs - (runner.acceptedMs.get(life) ?? -Infinity)
    if (gapMs < minIntervalMs) throw new Finding(`${runner.lane.key} ${life}: sent again after ${gapMs} ms of ${minIntervalMs}`)
    said.add(life)
  }
}

const stir = (runner: Runner): void => {
  const { lane, scene } = runner
  const { subject, world } = scene
  const dueMs = lane.holding === undefined ? undefined : subject.holding.nextDueMs(lane.holding)
  if (dueMs === undefined || runner.isStirred || lane.state._tag === "closed") return
  runner.isStirred = true
  after(world, Math.max(0, dueMs - world.nowMs) + heldGatherMs, () => whenFree(runner, () => release(runner)))
}

const release = (runner: Runner): void => {
  const { lane, scene } = runner
  runner.isStirred = false
  const due = lane.holding === undefined ? undefined : scene.subject.holding.takeDue(lane.holding, lane, scene.world.nowMs)
  if (due === undefined) {
    runner.waiting.shift()?.()
    return stir(runner)
  }
  const next = decide(runner, due)
  if (next !== undefined) throw new Finding(`${lane.key}: what was held back asks for ${next._tag}`)
  settle(runner, due, () => stir(runner))
}

const deliverFrom = (runner: Runner, records: Records, from: number, then: () => void): void => {
  const { lane, output, scene } = runner
  const { broker, subject, world } = scene
  if (from >= output.changes.length) return then()
  const writer = makeWriter(4096)
  const settings = { clusterId: "cluster", redact: false, reachable: new Set<string>(), bytesMax: 1 << 20 }
  const { messages, next } = subject.turn.encodeBatch(lane, records, output, from, writer, settings)
  const batch: ReadonlyArray<Message> = messages.map(({ end, start, ...about }) => ({
    ...about,
    payload: writer.bytes.subarray(start, end),
  }))
  const attempt = (count: number): void =>
    deliver(broker, batch, (accepted) => {
      if (accepted) return deliverFrom(runner, records, next, then)
      const pauseMs =
        count === 0
          ? 0
          : subject.backoff.pauseMs(
              { _tag: "Pause", slow: false, attempt: count, retryAfterMs: undefined },
              world.chance.below(1000) / 1000,
            )
      after(world, pauseMs, () => attempt(count + 1))
    })
  attempt(0)
}

/** Waits for one of several things, or for a signal; the first ends the wait for the others. */
const interruptible = (runner: Runner, arm: (once: (run: () => void) => () => void) => void): void => {
  const wait = ++runner.wait
  const once = (run: () => void) => (): void => {
    if (runner.wait !== wait) return
    runner.wait++
    runner.onSignal = undefined
    run()
  }
  runner.onSignal = once(() => {
    const fact = runner.signals.shift()
    if (fact !== undefined) turn(runner, fact, (next) => perform(runner, next))
  })
  if (runner.signals.length > 0) runner.onSignal()
  else arm(once)
}

const pause = (runner: Runner, command: CommandOf<"Pause">): void => {
  const { subject, world } = runner.scene
  const waitMs = subject.backoff.pauseMs(command, world.chance.below(1000) / 1000)
  interruptible(runner, (once) =>
    after(
      world,
      waitMs,
      once(() => turn(runner, { _tag: "PauseElapsed" }, (next) => perform(runner, next))),
    ),
  )
}

// Lists ------------------------------------------------------------------------------------------------------------------

/** More lists than this in a minute, without a resync, and the API server's owner calls. */
const listsPerMinuteMax = 40

const beginList = (runner: Runner): void => {
  const { lane, listTimes, scene } = runner
  const { nowMs } = scene.world
  scene.lists++
  listTimes.push(nowMs)
  while (listTimes[0]! < nowMs - 60_000) listTimes.shift()
  if (listTimes.length > listsPerMinuteMax) throw new Finding(`${lane.key}: more than ${listsPerMinuteMax} lists in a minute`)
  const { namespace, namespaces } = lane.spec
  const items = sortedItems(scene.cluster.shelves.get(lane.key) ?? ({ items: new Map(), sorted: [] } as never))
  const selected = items.filter(
    (item) => (namespace ?? item.namespace) === item.namespace && (namespaces === undefined || namespaces.has(item.namespace)),
  )
  runner.shown = new Map(selected.map(({ name, namespace, uid, version }) => [`${namespace}/${name}`, { uid, version: String(version) }]))
  runner.listed = makeLedger()
  runner.roundMs = lane.announcing ? nowMs : undefined
}

const fetchPage = (runner: Runner, command: CommandOf<"List">, then: (given: Uint8Array | Failure) => void): void => {
  const { pageMs, pageObjects, world } = runner.scene
  after(world, 1 + world.chance.below(pageMs), () => {
    if (command.continue === "") beginList(runner)
    const limit = String(Math.min(command.limit, pageObjects))
    const given = ask(runner, { limit, ...(command.continue === "" ? {} : { continue: command.continue }) })
    if (given._tag === "Stalled")
      after(world, answerWaitMs, () => then({ _tag: "Unavailable", text: "no answer", retryAfterMs: undefined }))
    else then(bodyOf(runner, given))
  })
}

const absorbPage = (runner: Runner, given: Uint8Array | Failure): void => {
  const fact = factOfPage(runner, given)
  const next = decide(runner, fact)
  if (next?._tag !== "List") {
    settle(runner, fact, () => {
      if (fact._tag === "PageListed" && fact.continue === "") completeList(runner, fact.resourceVersion)
      perform(runner, next)
    })
    return
  }
  if (fact._tag === "PageListed" && fact.continue === "") {
    settle(runner, fact, () => {
      completeList(runner, fact.resourceVersion)
      perform(runner, next)
    })
    return
  }
  // The next page is asked for while this one is delivered; its turn comes when both are done.
  let fetched: Uint8Array | Failure | undefined
  let isSettled = false
  const proceed = (): void => {
    if (fetched === undefined || !isSettled) return
    const page = fetched
    takeSignals(runner, () => whenFree(runner, () => absorbPage(runner, page)))
  }
  fetchPage(runner, next, (page) => {
    fetched = page
    proceed()
  })
  settle(runner, fact, () => {
    isSettled = true
    proceed()
  })
}

/** The end of the lane changes what comes next, and so does another choice of objects. */
const takeSignals = (runner: Runner, then: () => void, changed?: Command): void => {
  const fact = runner.signals.shift()
  if (fact === undefined) return changed === undefined ? then() : perform(runner, changed)
  turn(runner, fact, (next) => (next?._tag === "Close" ? perform(runner, next) : takeSignals(runner, then, next ?? changed)))
}

const factOfPage = (runner: Runner, given: Uint8Array | Failure): Fact => {
  if (!(given instanceof Uint8Array)) return { _tag: "ListFailed", failure: given }
  const { records, scene } = runner
  const head = scene.subject.scan.scanPage(given, records)
  if (head._tag === "Failure") throw new Finding(`${runner.lane.key}: a page could not be read: ${head.failure.text}`)
  const own = makeRecords()
  scanPage(given, own)
  const { namespaces } = runner.lane.spec
  for (let record = 0; record < own.count; record++)
    if (namespaces === undefined || namespaces.has(textOf(own, record, Field.namespace))) upsert(runner.listed, own, record)
  return { _tag: "PageListed", records, resourceVersion: head.success.resourceVersion, continue: head.success.continue }
}

const completeList = (runner: Runner, version: string): void => {
  const { lane, listed, scene, shown, type } = runner
  scene.judge.completedLists++
  runner.version = version
  if (digestText(lane.ledger) !== digestText(listed) || lane.ledger.size !== listed.size) {
    throw new Finding(`${lane.key}: after a completed list the ledger holds ${lane.ledger.size} objects, the list showed ${listed.size}`)
  }
  for (const consumer of scene.broker.consumers) {
    const missedMs = consumer.missedMs.get(type)
    if (missedMs !== undefined && runner.roundMs !== undefined && missedMs < runner.roundMs) consumer.missedMs.delete(type)
    if (consumer.batch === undefined && !consumer.missedMs.has(type)) judgeView(consumer, type, shown, "after a completed list")
  }
}

// Watches ----------------------------------------------------------------------------------------------------------------

interface Reader {
  readonly runner: Runner
  readonly watch: Watch
  readonly framer: ReturnType<Subject["frame"]["makeFramer"]>
  readonly chunks: Array<Uint8Array>
  state: "open" | "ended" | "cut"
  readonly endMs: number
  nextBookmarkMs: number
  hasBookmark: boolean
  lastByteMs: number
}

const openWatch = (runner: Runner, resourceVersion: string): void => {
  const { world } = runner.scene
  if (resourceVersion !== runner.version) {
    throw new Finding(`${runner.lane.key}: watches from ${resourceVersion}, though it has been shown ${runner.version}`)
  }
  const timeoutSeconds = Math.round((watchTimeoutMinMs + world.chance.below(watchTimeoutMaxMs - watchTimeoutMinMs)) / 1000)
  interruptible(runner, (once) => {
    const open = (): void => {
      const given = ask(runner, { watch: "true", resourceVersion, timeoutSeconds: String(timeoutSeconds), allowWatchBookmarks: "true" })
      if (given._tag === "Stalled")
        return after(
          world,
          answerWaitMs,
          once(() => failWatch(runner, broken)),
        )
      if (given._tag === "Reply") {
        const failure = bodyOf(runner, given)
        return once(() => failWatch(runner, failure instanceof Uint8Array ? broken : failure))()
      }
      const reader: Reader = {
        runner,
        watch: given.watch,
        framer: runner.scene.subject.frame.makeFramer(lineBytesMax),
        chunks: [],
        state: "open",
        endMs: world.nowMs + timeoutSeconds * 1000,
        nextBookmarkMs: world.nowMs + 60_000,
        hasBookmark: false,
        lastByteMs: world.nowMs,
      }
      once(() => read(reader))()
    }
    const wait = runner.wait
    after(world, 1 + world.chance.below(40), () => {
      if (runner.wait === wait) open()
    })
  })
}

const failWatch = (runner: Runner, failure: Failure): void =>
  turn(runner, { _tag: "WatchFailed", failure }, (next) => perform(runner, next))

/** Cuts what has come anywhere, as sockets do. */
const cutChunks = ({ chunks, runner }: Reader, bytes: Uint8Array): void => {
  const { chance } = runner.scene.world
  for (let start = 0; start < bytes.length;) {
    const end = chance.below(3) === 0 ? bytes.length : Math.min(bytes.length, start + 1 + chance.below(900))
    chunks.push(bytes.slice(start, end))
    start = end
  }
}

const errorLine = encodeText(
  `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"etcd is away","reason":"InternalError","code":500}}\n`,
)

const poll = (reader: Reader): void => {
  const { runner, watch } = reader
  const { cluster, world } = runner.scene
  if (reader.state !== "open") return
  const isSilent = meetsTrouble(cluster.faults, runner.lane.key, "watch", "Silence")
  const shown = readWatch(cluster, watch)
  cutChunks(reader, shown.bytes)
  reader.state = shown.state
  if (reader.state !== "open") return
  if (runner.scene.errorLines.delete(runner.lane.key)) {
    cutChunks(reader, errorLine)
    reader.state = "ended"
    return
  }
  if (world.nowMs >= reader.nextBookmarkMs || world.nowMs >= reader.endMs) {
    reader.nextBookmarkMs = world.nowMs + 60_000
    const bookmark = readBookmark(cluster, watch)
    if (bookmark.bytes.length > 0) reader.hasBookmark = true
    cutChunks(reader, bookmark.bytes)
    reader.state = bookmark.state
  }
  // The end of a silent connection is not seen either.
  if (reader.state === "open" && world.nowMs >= reader.endMs && !isSilent) reader.state = "ended"
}

/** One step of an open watch: the next chunk, its end, or the wait for either. */
const read = (reader: Reader): void => {
  const { chunks, runner } = reader
  const { world } = runner.scene
  if (chunks.length === 0) poll(reader)
  const chunk = chunks.shift()
  if (chunk !== undefined) {
    reader.lastByteMs = world.nowMs
    return observe(reader, chunk)
  }
  if (reader.state === "cut") return failWatch(runner, broken)
  if (reader.state === "ended") return turn(runner, { _tag: "WatchEnded" }, (next) => perform(runner, next))
  const idleAtMs = reader.hasBookmark ? reader.lastByteMs + watchIdleMs : reader.endMs + watchGraceMs
  if (world.nowMs >= idleAtMs) return failWatch(runner, { _tag: "Unavailable", text: "nothing came for too long", retryAfterMs: undefined })
  awaitMore(reader, idleAtMs)
}

const awaitMore = (reader: Reader, idleAtMs: number): void => {
  const { runner } = reader
  const { cluster, world } = runner.scene
  interruptible(runner, (once) => {
    let isAsked = false
    const again = once(() => read(reader))
    const wait = runner.wait
    const listener = (): void => {
      if (runner.wait !== wait) cluster.listeners.delete(listener)
      else if (!isAsked) {
        isAsked = true
        after(world, world.chance.below(30), again)
      }
    }
    cluster.listeners.add(listener)
    const wakeMs = [reader.nextBookmarkMs, reader.endMs, idleAtMs].filter((atMs) => atMs > world.nowMs)
    after(world, Math.min(...wakeMs) - world.nowMs, () => {
      cluster.listeners.delete(listener)
      again()
    })
  })
}

const readOn = (reader: Reader): void =>
  interruptible(reader.runner, (once) =>
    after(
      reader.runner.scene.world,
      0,
      once(() => read(reader)),
    ),
  )

/** The version of the last of some lines that shows one; an ERROR line does not. */
const versionOf = (lines: Uint8Array): string | undefined =>
  decodeText(lines)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith('{"type":"ERROR"'))
    .flatMap((line) => /"resourceVersion":"(\d+)"/.exec(line)?.[1] ?? [])
    .at(-1)

const observe = (reader: Reader, chunk: Uint8Array): void => {
  const { framer, runner } = reader
  const { records, scene } = runner
  const { frame, scan } = scene.subject
  const lines = frame.frame(framer, chunk)
  if (lines === undefined) return readOn(reader)
  scan.scanLines(lines, records)
  for (let record = 0; record < records.count; record++) {
    if (records.flaws[record] === Flaw.notJson) throw new Finding(`${runner.lane.key}: a whole line was torn`)
  }
  runner.version = versionOf(lines) ?? runner.version
  turn(runner, { _tag: "Observed", records }, (next) => {
    if (next === undefined) readOn(reader)
    else perform(runner, next)
  })
}
