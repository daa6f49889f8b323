/**
 * What a run with these settings would watch in this cluster at this moment. Commands that look before a run ask here, so that they see
 * what the run will see. Reads only; nothing of it is kept up to date.
 */
import * as Effect from "effect/Effect"
import type { MeshError } from "../domain/error.ts"
import type { Discovery } from "../domain/select/discovery.ts"
import { parsePlace, placeDefault } from "../domain/select/place.ts"
import { select, type Selection } from "../domain/select/selection.ts"
import type { ClusterApi } from "../ports/ClusterApi.ts"
import { isOn, listOf, type Values } from "./settings.ts"
import { readConfiguration, type Configuration } from "./configuration.ts"
import { discover, readDefinitions } from "./survey.ts"

export interface Selected extends Selection {
  readonly discovery: Discovery
  readonly configuration: Configuration
  /** How many custom resource definitions there are; undefined: they may not be read, or nothing asks for them. */
  readonly definitions: number | undefined
}

/** Settings and words of a command that select. */
export interface Wish {
  readonly values: Values
  /** Kinds as words; they stand for `--resources`. */
  readonly words: ReadonlyArray<string>
  /** `-A`. */
  readonly everywhere: string | undefined
}

/** What settings and words choose, as options of a run. */
export const chosenBy = ({ everywhere = "false", values, words }: Wish) => ({
  outputNamespaces: isOn(everywhere) ? [] : listOf(values.namespaces.text),
  outputResources: words.length > 0 ? words.flatMap((word) => word.split(",")) : listOf(values.resources.text),
  selector: values.selector.text,
})

/** Selects as a run would. Fails with ErrDiscovery when the API server does not say what it serves. */
export const selectLive = (wish: Wish): Effect.Effect<Selected, MeshError, ClusterApi> =>
  Effect.gen(function* () {
    const discovery = yield* discover
    const configuration = yield* readConfiguration(parsePlace(wish.values.customResource.text) ?? placeDefault)
    const definitions = configuration._tag === "Absent" ? undefined : yield* readDefinitions
    const selection = select(discovery, {
      watchList: configuration._tag === "Absent" ? "absent" : configuration._tag === "Broken" ? "broken" : configuration.watchList,
      customTypes: definitions ?? new Set(),
      ...chosenBy(wish),
    })
    return { ...selection, discovery, configuration, definitions: definitions?.size }
  })
