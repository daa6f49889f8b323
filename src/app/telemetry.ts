/**
 * Log lines: the Go MeshSync's text form by default, a coloured one on a terminal, JSON on request.
 * Errors go to stderr, the rest to stdout, as there; where stdout carries messages, everything goes to stderr.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import { quoteText } from "./quote.ts"

export type LogFormat = "text" | "colour" | "json"

export interface LogOptions {
  readonly format: LogFormat
  readonly debug: boolean
  /** stdout carries something else. */
  readonly stderrOnly: boolean
}

/** The format that `--log-format` names; undefined when it names none. */
export const logFormatOf = (text: string, isTerminal: boolean): LogFormat | undefined => {
  switch (text) {
    case "auto":
      return isTerminal ? "colour" : "text"
    case "text":
    case "json":
      return text
    case "colour":
    case "color":
      return "colour"
    default:
      return undefined
  }
}

type LevelName = "debug" | "info" | "warning" | "error" | "fatal"

const levelNames: Readonly<Record<LogLevel.LogLevel, LevelName>> = {
  All: "debug",
  Trace: "debug",
  Debug: "debug",
  Info: "info",
  Warn: "warning",
  Error: "error",
  Fatal: "fatal",
  None: "debug",
}

/** ANSI colours of logrus: grey, cyan, yellow, red. */
const levelColours: Readonly<Record<string, number>> = { debug: 37, info: 36, warning: 33, error: 31, fatal: 31 }

const two = (number: number): string => String(number).padStart(2, "0")

/** RFC 3339 in the local zone, to the second. */
export const localTime = (date: Date): string => {
  const offset = -date.getTimezoneOffset()
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${zone}`
}

/** logrus writes a value bare when it consists of letters, digits and `-._/@^+` only. */
const quoteField = (value: string): string => (/^[\w\-./@^+]*$/.test(value) ? value : quoteText(value))

const textOf = (value: unknown): string => {
  if (value instanceof Error) return value.message
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)
}

/** A message on a terminal: its own line ends may stay, but nothing in it moves the cursor or colours the screen. */
const printable = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, "\ufffd")

export interface LogLine {
  readonly date: Date
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** One line of a format, without its line feed. */
export const renderLine = (format: LogFormat, { date, fields, level, message }: LogLine): string => {
  const sorted = Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1))
  switch (format) {
    case "json":
      return JSON.stringify({ time: localTime(date), level, msg: message, ...Object.fromEntries(sorted) })
    case "colour": {
      const head = `\u001b[${levelColours[level] ?? 37}m${level.toUpperCase().slice(0, 4)}\u001b[0m[${localTime(date)}]`
      return [head, printable(message).padEnd(44), ...sorted.map(([key, value]) => `${key}=${quoteField(textOf(value))}`)].join(" ")
    }
    case "text": {
      const parts = sorted.map(([key, value]) => `${key}=${quoteField(textOf(value))}`)
      return [`time="${localTime(date)}"`, `level=${level}`, ...(message === "" ? [] : [`msg=${quoteField(message)}`]), ...parts].join(" ")
    }
  }
}

/** Every log line of the process. */
export const layerLog = ({ debug, format, stderrOnly }: LogOptions): Layer.Layer<never> =>
  layerLogTo(debug, (line) => {
    const stream = stderrOnly || line.level === "error" || line.level === "fatal" ? process.stderr : process.stdout
    stream.write(`${renderLine(format, { ...line, fields: { app: "meshsync", ...line.fields } })}\n`)
  })

/** Log lines as data, for whoever shows them elsewhere. */
export const layerLogTo = (debug: boolean, write: (line: LogLine & { readonly level: LevelName }) => void): Layer.Layer<never> => {
  const logger = Logger.make<unknown, void>(({ cause, date, fiber, logLevel, message }) => {
    const texts = (Array.isArray(message) ? message : [message]).map(textOf)
    if (cause.reasons.length > 0) texts.push(Cause.pretty(cause))
    write({ date, level: levelNames[logLevel], message: texts.join(" "), fields: fiber.getRef(References.CurrentLogAnnotations) })
  })
  return Layer.mergeAll(
    Logger.layer([logger]),
    Layer.effect(References.MinimumLogLevel, Effect.succeed<LogLevel.LogLevel>(debug ? "Debug" : "Info")),
  )
}
