import { describe, expect, it } from "vitest"
import { commandNames, parseCommandLine } from "../../src/app/commandLine.ts"

/** The arguments as a shell splits them, where none holds a space. */
const parse = (line: string) => parseCommandLine(line === "" ? [] : line.split(" "))

const flagsOf = (line: string): Record<string, string> => {
  const parsed = parse(line)
  if (parsed._tag !== "Run" && parsed._tag !== "Command") throw new Error(`${line}: ${JSON.stringify(parsed)}`)
  return Object.fromEntries(parsed.flags)
}

describe("the root, by the rules of Go's flag package", () => {
  it.each([
    ["", {}],
    ["-output file", { output: "file" }],
    ["--output file", { output: "file" }],
    ["-output=file", { output: "file" }],
    ["--output=file", { output: "file" }],
    ["--output=", { output: "" }],
    ["--output file --output broker", { output: "broker" }],
    ["-outputFile=a=b", { outputFile: "a=b" }],
    ["--outputNamespaces=a,b --outputResources=x,y", { namespaces: "a,b", resources: "x,y" }],
    ["--stopAfter -5s", { stopAfter: "-5s" }],
    ["--stop-after 0", { stopAfter: "0" }],
    ["--output -nope", { output: "-nope" }],
    ["--once --output file", { once: "true", output: "file" }],
    ["--extended=false", { extended: "false" }],
    // What is no flag ends the flags, and all behind it is ignored.
    ["--output file stray --stopAfter nonsense", { output: "file" }],
    ["--output file - --nope", { output: "file" }],
    ["--output file -- --nope", { output: "file" }],
    ["- watch", {}],
  ])("%s", (line, flags) => {
    expect(parse(line)._tag).toBe("Run")
    expect(flagsOf(line)).toEqual(flags)
  })

  it.each([
    ["-nope", "flag provided but not defined: -nope"],
    ["--nope=1", "flag provided but not defined: -nope"],
    ["-Output file", "flag provided but not defined: -Output"],
    ["-n shop", "flag provided but not defined: -n"],
    ["-lapp", "flag provided but not defined: -lapp"],
    ["--natsPassword x", "flag provided but not defined: -natsPassword"],
    ["--constructor", "flag provided but not defined: -constructor"],
    ["-stopAfter", "flag needs an argument: -stopAfter"],
    ["--output file --outputFile", "flag needs an argument: -outputFile"],
    ["-stopAfter 8", 'invalid value "8" for flag -stopAfter: parse error'],
    ["--stopAfter=", 'invalid value "" for flag -stopAfter: parse error'],
    ["--stop-after=1d", 'invalid value "1d" for flag -stop-after: parse error'],
    ["--once=maybe", 'invalid boolean value "maybe" for -once: parse error'],
    ["--health-port 65536", 'invalid value "65536" for flag -health-port: parse error'],
    ["---output file", "bad flag syntax: ---output"],
    ["--selector a=b,,c", 'invalid value "a=b,,c" for flag -selector: a comma in the selector has nothing before or behind it'],
    ["-=x", "bad flag syntax: -=x"],
    ["--=x", "bad flag syntax: --=x"],
    // The first fault counts, also before a wish for help.
    ["-nope -h", "flag provided but not defined: -nope"],
  ])("refuses %s", (line, message) => {
    expect(parse(line)).toEqual({ _tag: "Bad", message, command: undefined })
  })

  it.each(["-h", "--h", "-help", "--help", "--output file -h", "-h -nope", "-h=x"])("shows help for %s", (line) => {
    expect(parse(line)).toEqual({ _tag: "Help", command: undefined })
  })

  it("does not take a value for a flag, nor help behind the end of flags", () => {
    expect(flagsOf("--output -h")).toEqual({ output: "-h" })
    expect(parse("--once - -h")._tag).toBe("Run")
  })

  it("knows the version", () => {
    expect(parse("--version")).toEqual({ _tag: "Version" })
    expect(parse("watch --version")).toEqual({ _tag: "Version" })
  })
})

describe("a first word", () => {
  it.each([
    ["wacth", 'unknown command "wacth": did you mean watch?'],
    ["stats", 'unknown command "stats": did you mean status?'],
    ["dmeo --duration 1s", 'unknown command "dmeo": did you mean demo?'],
    ["pods", `unknown command "pods": the commands are ${commandNames.join(", ")}`],
    ["Watch", 'unknown command "Watch": did you mean watch?'],
  ])("that is no command: %s", (line, message) => {
    expect(parse(line)).toEqual({ _tag: "Bad", message, command: undefined })
  })

  it("that cannot be printed is shown escaped", () => {
    expect(parseCommandLine(["\u001b[2J\u009b"])).toMatchObject({
      message: `unknown command "\\x1b[2J\\u009b": the commands are ${commandNames.join(", ")}`,
    })
  })

  it("help shows what a command does", () => {
    expect(parse("help")).toEqual({ _tag: "Help", command: undefined })
    expect(parse("help status")).toEqual({ _tag: "Help", command: "status" })
  })

  it("comes too late behind a flag", () => {
    expect(parse("--kubeconfig k watch")).toEqual({
      _tag: "Bad",
      message: "the command comes first: watch, then its flags",
      command: "watch",
    })
  })
})

describe("a command, by kubectl's habits", () => {
  const parts = (line: string) => {
    const parsed = parse(line)
    if (parsed._tag !== "Command") throw new Error(`${line}: ${JSON.stringify(parsed)}`)
    return { name: parsed.name, flags: Object.fromEntries(parsed.flags), own: Object.fromEntries(parsed.own), words: parsed.words }
  }

  it.each([
    ["watch", { name: "watch", flags: {}, own: {}, words: [] }],
    ["watch pods deploy -n shop", { name: "watch", flags: { namespaces: "shop" }, own: {}, words: ["pods", "deploy"] }],
    ["watch -n shop pods", { name: "watch", flags: { namespaces: "shop" }, own: {}, words: ["pods"] }],
    ["watch -nshop pods", { name: "watch", flags: { namespaces: "shop" }, own: {}, words: ["pods"] }],
    ["watch --namespace=shop", { name: "watch", flags: { namespaces: "shop" }, own: {}, words: [] }],
    ["watch -lapp=web", { name: "watch", flags: { selector: "app=web" }, own: {}, words: [] }],
    ["watch -l app=web,tier!=db", { name: "watch", flags: { selector: "app=web,tier!=db" }, own: {}, words: [] }],
    ["watch -l=app=web", { name: "watch", flags: { selector: "app=web" }, own: {}, words: [] }],
    ["watch -A --context staging", { name: "watch", flags: { context: "staging" }, own: { allNamespaces: "true" }, words: [] }],
    ["watch pods -- -odd", { name: "watch", flags: {}, own: {}, words: ["pods", "-odd"] }],
    ["demo --duration 10s --seed 7", { name: "demo", flags: {}, own: { duration: "10s", seed: "7" }, words: [] }],
    ["status -o json", { name: "status", flags: {}, own: { format: "json" }, words: [] }],
    ["status -ojson", { name: "status", flags: {}, own: { format: "json" }, words: [] }],
    ["doctor --estimate pods", { name: "doctor", flags: {}, own: { estimate: "true" }, words: ["pods"] }],
    ["check -n shop", { name: "doctor", flags: { namespaces: "shop" }, own: {}, words: [] }],
    ["rbac --user jane -A", { name: "rbac", flags: {}, own: { user: "jane", allNamespaces: "true" }, words: [] }],
    ["completion bash", { name: "completion", flags: {}, own: {}, words: ["bash"] }],
    ["version --format=yaml", { name: "version", flags: {}, own: { format: "yaml" }, words: [] }],
  ])("%s", (line, expected) => {
    expect(parts(line)).toEqual(expected)
  })

  it.each([
    ["watch --nope", "flag provided but not defined: -nope", "watch"],
    ["watch --constructor", "flag provided but not defined: -constructor", "watch"],
    ["watch -o json", "flag provided but not defined: -o", "watch"],
    ["watch --duration 1s", "flag provided but not defined: -duration", "watch"],
    ["watch -n", "flag needs an argument: -n", "watch"],
    ["demo --duration 10", 'invalid value "10" for flag -duration: parse error', "demo"],
    ["demo --seed=x", 'invalid value "x" for flag -seed: parse error', "demo"],
    ["watch -A=perhaps", 'invalid boolean value "perhaps" for -A: parse error', "watch"],
    ["snapshot -l app=web,", 'invalid value "app=web," for flag -l: a comma in the selector has nothing before or behind it', "snapshot"],
    ["watch -l=a=b;c", 'invalid value "a=b;c" for flag -l: "a=b;c" is no requirement such as app=web', "watch"],
    ["demo pods", 'demo takes flags only, not "pods"', "demo"],
    ["status -- x", 'status takes flags only, not "x"', "status"],
  ])("refuses %s", (line, message, command) => {
    expect(parse(line)).toEqual({ _tag: "Bad", message, command })
  })

  it.each(["-h", "--help", "pods --help"])("shows its own help for %s", (rest) => {
    expect(parse(`watch ${rest}`)).toEqual({ _tag: "Help", command: "watch" })
  })
})
