import * as Effect from "effect/Effect"
import { afterEach, describe, expect, it, vi } from "vitest"
import { quoteText } from "../../src/app/quote.ts"
import { layerLog, localTime, logFormatOf, renderLine } from "../../src/app/telemetry.ts"

/** A local time, whatever the zone of the machine is, that claims to be so many minutes east of Greenwich. */
const dateIn = (offsetMinutes: number): Date => Object.assign(new Date(2026, 0, 2, 3, 4, 5), { getTimezoneOffset: () => -offsetMinutes })

const date = dateIn(0)
const line = (message: string, fields: Record<string, unknown> = { app: "meshsync" }, level = "info") => ({ date, level, message, fields })

describe("localTime", () => {
  it.each([
    [0, "2026-01-02T03:04:05Z"],
    [60, "2026-01-02T03:04:05+01:00"],
    [330, "2026-01-02T03:04:05+05:30"],
    [-210, "2026-01-02T03:04:05-03:30"],
    [-30, "2026-01-02T03:04:05-00:30"],
  ])("is RFC 3339 to the second, %s minutes east", (offset, text) => {
    expect(localTime(dateIn(offset))).toBe(text)
  })
})

describe("the text form", () => {
  it("is logrus's: time, level, message, then the fields by name", () => {
    expect(renderLine("text", line("run started", { zebra: "z", app: "meshsync", code: "1019" }, "warning"))).toBe(
      'time="2026-01-02T03:04:05Z" level=warning msg="run started" app=meshsync code=1019 zebra=z',
    )
  })

  it.each([
    ["plain", "msg=plain"],
    ["a-b._/@^+9", "msg=a-b._/@^+9"],
    ["two words", 'msg="two words"'],
    ["a=b", 'msg="a=b"'],
    ["a:b", 'msg="a:b"'],
    ['say "x"\\', 'msg="say \\"x\\"\\\\"'],
    ["zwei\nZeilen\t", 'msg="zwei\\nZeilen\\t"'],
    ["é", 'msg="é"'],
    ["\u001b[31m", 'msg="\\x1b[31m"'],
  ])("quotes %j where logrus does", (message, text) => {
    expect(renderLine("text", line(message))).toBe(`time="2026-01-02T03:04:05Z" level=info ${text} app=meshsync`)
  })

  it("leaves an empty message out, and shows an empty field bare", () => {
    expect(renderLine("text", line("", { app: "meshsync", "probable-cause": "" }))).toBe(
      'time="2026-01-02T03:04:05Z" level=info app=meshsync probable-cause=',
    )
  })

  it("shows numbers, objects, errors and nothing at all", () => {
    const fields = { a: 2, b: { c: [1] }, d: new Error("broken"), e: undefined, f: null }
    expect(renderLine("text", line("m", fields))).toBe(
      'time="2026-01-02T03:04:05Z" level=info msg=m a=2 b="{\\"c\\":[1]}" d=broken e=undefined f=null',
    )
  })
})

describe("the other forms", () => {
  it("colours the level, cut to four letters", () => {
    const text = renderLine("colour", line("run started", { app: "meshsync" }, "warning"))
    expect(text).toBe(`\u001b[33mWARN\u001b[0m[2026-01-02T03:04:05Z] ${"run started".padEnd(44)} app=meshsync`)
  })

  it("keeps foreign escape sequences off the terminal", () => {
    const text = renderLine("colour", line("a\u001b[2Jb\u009bc\u202ed\ne"))
    expect(text).toContain("a\ufffd[2Jb\ufffdc\ufffdd\ne")
    expect(text.split("\u001b")).toHaveLength(3)
  })

  it("writes JSON with the fields beside time, level and message", () => {
    expect(JSON.parse(renderLine("json", line('say "x"\n', { b: 1, a: "2" }, "error")))).toEqual({
      time: "2026-01-02T03:04:05Z",
      level: "error",
      msg: 'say "x"\n',
      a: "2",
      b: 1,
    })
  })

  it.each([
    ["auto", true, "colour"],
    ["auto", false, "text"],
    ["text", true, "text"],
    ["json", true, "json"],
    ["colour", false, "colour"],
    ["color", false, "colour"],
    ["xml", true, undefined],
    ["", true, undefined],
  ] as const)("--log-format %s on a terminal (%s) is %s", (text, isTerminal, format) => {
    expect(logFormatOf(text, isTerminal)).toBe(format)
  })
})

describe("quoteText", () => {
  it.each([
    ["", '""'],
    ["a b", '"a b"'],
    ["\u0007\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\u0000\u007f", '"\\x00\\x7f"'],
    ["\u0085\u00a0\u2028\ufeff", '"\\u0085\\u00a0\\u2028\\ufeff"'],
    ["\ud800", '"\\ufffd"'],
    ["\u{e0001}", '"\\U000e0001"'],
    ["\u{1f600}é", '"\u{1f600}é"'],
  ])("%j as Go writes it", (text, quoted) => {
    expect(quoteText(text)).toBe(quoted)
  })
})

describe("layerLog", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /** What a program writes to the two streams. */
  const written = async (program: Effect.Effect<void>, options: { debug?: boolean; stderrOnly?: boolean } = {}) => {
    const out: Array<string> = []
    const err: Array<string> = []
    vi.spyOn(process.stdout, "write").mockImplementation((text) => out.push(String(text)) > 0)
    vi.spyOn(process.stderr, "write").mockImplementation((text) => err.push(String(text)) > 0)
    await Effect.runPromise(Effect.provide(program, layerLog({ format: "text", debug: false, stderrOnly: false, ...options })))
    vi.restoreAllMocks()
    const strip = (lines: ReadonlyArray<string>) => lines.map((text) => text.replace(/^time="[^"]*" /, ""))
    return { out: strip(out), err: strip(err) }
  }

  const everyLevel = Effect.logDebug("d").pipe(
    Effect.andThen(Effect.logInfo("i")),
    Effect.andThen(Effect.logWarning("w")),
    Effect.andThen(Effect.logError("e")),
    Effect.andThen(Effect.logFatal("f")),
  )

  it("sends errors to stderr and the rest to stdout, without what only debugging needs", async () => {
    expect(await written(everyLevel)).toEqual({
      out: ["level=info msg=i app=meshsync\n", "level=warning msg=w app=meshsync\n"],
      err: ["level=error msg=e app=meshsync\n", "level=fatal msg=f app=meshsync\n"],
    })
  })

  it("says more when debugging", async () => {
    expect((await written(everyLevel, { debug: true })).out[0]).toBe("level=debug msg=d app=meshsync\n")
  })

  it("leaves stdout alone where it carries messages", async () => {
    const { err, out } = await written(everyLevel, { stderrOnly: true })
    expect(out).toEqual([])
    expect(err).toHaveLength(4)
  })

  it("adds annotations as fields", async () => {
    const program = Effect.logInfo("m").pipe(Effect.annotateLogs({ code: "1019", "a-b": "x y" }))
    expect((await written(program)).out).toEqual(['level=info msg=m a-b="x y" app=meshsync code=1019\n'])
  })
})
