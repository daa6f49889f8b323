/**
 * The entry point. Reads the command line before anything heavy is loaded: help and usage errors answer in a few milliseconds.
 */
import { handSignalsTo } from "./signals.ts"
import { parseCommandLine } from "./commandLine.ts"
import { commandHelp, refusalText, rootHelp } from "./help.ts"
import { faultOfValues, gatherValues, type SettingKey, type Values } from "./settings.ts"

/** Set by the build; a plain checkout has none. */
const version = process.env["MESHSYNC_BUILD_VERSION"] ?? "Not Set"

const program = process.argv0 === "" || process.argv0.endsWith("node") ? "meshsync" : process.argv0

/** `process.exit` would cut what a pipe has not taken yet. */
const end = (status: number, text: string, stream: NodeJS.WriteStream): void => {
  stream.write(text)
  process.exitCode = status
}

/** Hands on the values of all settings, unless the environment holds one that cannot be meant. */
const withValues = async (flags: ReadonlyMap<SettingKey, string>, run: (values: Values) => Promise<void>): Promise<void> => {
  const values = gatherValues(flags, process.env)
  const fault = faultOfValues(values)
  return fault === undefined ? run(values) : end(2, `${fault}\n`, process.stderr)
}

/** Who reads an answer with `head` has enough: that is no failure. Other faults are left to whoever else listens, or end the process. */
const toleratePipeEnd = (stream: NodeJS.WriteStream): void => {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && stream.listenerCount("error") === 1) throw error
  })
}

const start = async (): Promise<void> => {
  const line = parseCommandLine(process.argv.slice(2))
  switch (line._tag) {
    case "Help":
      return line.command === undefined
        ? end(0, rootHelp(program), process.stderr)
        : end(0, commandHelp(program, line.command), process.stdout)
    case "Version":
      return end(0, `${version}\n`, process.stdout)
    case "Bad":
      return end(
        2,
        refusalText(
          line.message,
          line.command === undefined ? rootHelp(program) : commandHelp(program, line.command),
          process.stderr.isTTY === true,
        ),
        process.stderr,
      )
    case "Run":
      return withValues(line.flags, async (values) => (await import("./serve.ts")).serve({ version, values }, handSignalsTo))
    case "Command":
      return withValues(line.flags, async (values) => {
        const { runCommand } = await import("./commands/command.ts")
        return runCommand({ version, values, ...line }, handSignalsTo)
      })
  }
}

toleratePipeEnd(process.stdout)
toleratePipeEnd(process.stderr)
void start()
