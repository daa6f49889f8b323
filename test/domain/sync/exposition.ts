/**
 * A strict reader of Prometheus' text exposition format 0.0.4: it refuses what the format does not allow, also where Prometheus is lenient.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Exposition {
  readonly types: ReadonlyMap<string, string>
  readonly series: ReadonlyArray<Series>
}

const readLabels = (text: string): Record<string, string> => {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== "") {
    const found = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/.exec(rest)
    if (found === null) throw new Error(`labels: ${rest}`)
    const [whole, name = "", escaped = "", separator] = found
    if (Object.hasOwn(labels, name) || name.startsWith("__")) throw new Error(`label ${name}`)
    labels[name] = escaped.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character))
    rest = rest.slice(whole.length)
    if (separator === "," && rest === "") throw new Error("a comma at the end")
  }
  return labels
}

const identify = (name: string, labels: Readonly<Record<string, string>>): string =>
  JSON.stringify([
    name,
    ...Object.keys(labels)
      .toSorted()
      .map((label) => [label, labels[label]]),
  ])

export const readExposition = (text: string): Exposition => {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line does not end")
  const helps = new Set<string>()
  const types = new Map<string, string>()
  const closed = new Set<string>()
  const seen = new Set<string>()
  const series: Array<Series> = []
  let current = ""
  const enter = (name: string): void => {
    if (name === current) return
    if (closed.has(name)) throw new Error(`${name}: its lines are not together`)
    closed.add(current)
    current = name
  }
  for (const line of text.split("\n").slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment !== null) {
      const [, what, name = "", rest = ""] = comment
      enter(name)
      if (what === "HELP" && helps.has(name)) throw new Error(`${name}: two HELP lines`)
      if (what === "HELP") helps.add(name)
      if (what === "HELP") continue
      if (types.has(name) || series.some((one) => one.name === name)) throw new Error(`${name}: TYPE is not the first`)
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(`${name}: TYPE ${rest}`)
      types.set(name, rest)
      continue
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line)
    if (sample === null) throw new Error(`line: ${line}`)
    const [, name = "", labelText = "", value = ""] = sample
    enter(name)
    if (!types.has(name) || !helps.has(name)) throw new Error(`${name}: without TYPE or HELP`)
    if (types.get(name) === "counter" && !name.endsWith("_total")) throw new Error(`${name}: a counter ends in _total`)
    const labels = readLabels(labelText)
    const identity = identify(name, labels)
    if (seen.has(identity)) throw new Error(`twice: ${line}`)
    seen.add(identity)
    series.push({ name, labels, value: value === "+Inf" ? Infinity : value === "-Inf" ? -Infinity : Number(value) })
  }
  return { types, series }
}

/** The value of one series, by name and exact labels; undefined when it is not there. */
export const valueOf = ({ series }: Exposition, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => {
  const wanted = identify(name, labels)
  return series.find((one) => identify(one.name, one.labels) === wanted)?.value
}
