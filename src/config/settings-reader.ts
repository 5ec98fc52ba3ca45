import assert from 'node:assert/strict'
import { ConfigValueError, parseConfigValue } from '../broker/config-value.ts'
import { topicConfigDefinitions, type BrokerTopicDefaults } from '../broker/topic-config-definitions.ts'
import type { BrokerSynonym, TopicConfigDefinition } from '../broker/topic-config-table.ts'
import { isSecret, layers, shownSetting, type Setting } from './setting.ts'
import type { SettingDefinition } from './setting-definition.ts'

/** A setting in force, for people. */
export interface SettingRow {
  readonly name: string
  readonly value: string
  /** `default`, or where it was given. */
  readonly origin: string
}

/** What a definition's default is taken from, or what somebody gave instead. */
interface Chosen {
  readonly setting: Setting
  readonly synonym: BrokerSynonym
}

/**
 * Reads settings by their definitions. Nothing is thrown for a bad value: it becomes a problem, the default stands in,
 * and reading goes on, so that all problems are told at once.
 */
export class SettingsReader {
  readonly problems: string[] = []
  readonly warnings: string[] = []
  readonly rows: SettingRow[] = []
  /** The last of each name: `settings` come in the order of rising precedence. */
  readonly #given: ReadonlyMap<string, Setting>

  constructor(settings: readonly Setting[]) {
    this.#given = new Map(settings.map((setting) => [setting.name, setting]))
  }

  value<T>(definition: SettingDefinition<T>): T {
    const text = definition.default
    assert(text !== undefined, `${definition.name} has no default`)
    return this.optional(definition) ?? definition.type.read(text)
  }

  /** Undefined where it was not given and has no default. */
  optional<T>(definition: SettingDefinition<T>): T | undefined {
    const chosen = this.#choose(definition.synonyms)
    if (chosen && !this.#check(chosen)) return undefined
    if (chosen && definition.synonymsMustAgree) this.#checkAgreement(definition.synonyms, chosen)
    if (chosen && !definition.synonymsMustAgree) this.#warnOfShadowed(definition.synonyms, chosen)
    const text = chosen ? chosen.setting.value : definition.default
    const origin = chosen?.setting.origin ?? 'default'
    const value = text === undefined ? '' : definition.type.normalise(text)
    this.rows.push({ name: definition.name, value: isSecret(definition.name) && value !== '' ? '…' : value, origin })
    return text === undefined ? undefined : definition.type.read(text)
  }

  /** The setting that counts for this definition, if somebody gave one. */
  given(definition: Pick<SettingDefinition, 'synonyms'>): Setting | undefined {
    return this.#choose(definition.synonyms)?.setting
  }

  /** What the configuration says of topic configs, by their names on a topic and in their units. */
  topicDefaults(): BrokerTopicDefaults {
    const defaults = new Map<string, string>()
    for (const definition of topicConfigDefinitions) {
      const text = this.#topicDefault(definition)
      if (text !== undefined) defaults.set(definition.name, text)
    }
    return defaults
  }

  #topicDefault({ type, default: text, synonyms }: TopicConfigDefinition): string | undefined {
    const chosen = this.#choose(synonyms)
    if (chosen && !this.#check(chosen)) return undefined
    const given = chosen && inTopicUnit(chosen, type.normalise(chosen.setting.value))
    const [canonical] = synonyms
    assert(canonical)
    this.rows.push({ name: canonical.name, value: given ?? text, origin: chosen?.setting.origin ?? 'default' })
    if (chosen) this.#warnOfShadowed(synonyms, chosen)
    return given
  }

  /** The latest layer that has any of the names; within it the first name. */
  #choose(synonyms: readonly BrokerSynonym[]): Chosen | undefined {
    for (const layer of layers.toReversed()) {
      for (const synonym of synonyms) {
        const setting = this.#given.get(synonym.name)
        if (setting?.layer === layer) return { setting, synonym }
      }
    }
    return undefined
  }

  #check({ setting, synonym }: Chosen): boolean {
    try {
      parseConfigValue(synonym.type, setting.value)
      return true
    } catch (error) {
      if (!(error instanceof ConfigValueError)) throw error
      this.problems.push(`${shownSetting(setting)}: must be ${error.allowed}`)
      return false
    }
  }

  #checkAgreement(synonyms: readonly BrokerSynonym[], { setting, synonym }: Chosen): void {
    for (const { name } of synonyms) {
      const other = this.#given.get(name)
      if (other === undefined || name === synonym.name || other.layer !== setting.layer) continue
      if (!this.#check({ setting: other, synonym })) continue
      if (synonym.type.normalise(other.value) === synonym.type.normalise(setting.value)) continue
      this.problems.push(`${shownSetting(other)}: must be what ${shownSetting(setting)} says, or be left out`)
    }
  }

  #warnOfShadowed(synonyms: readonly BrokerSynonym[], { setting, synonym }: Chosen): void {
    for (const { name } of synonyms) {
      const other = this.#given.get(name)
      if (other === undefined || name === synonym.name) continue
      this.warnings.push(`${shownSetting(other)} has no effect: ${shownSetting(setting)} counts`)
    }
  }
}

/** −1 means unlimited in every unit. */
function inTopicUnit({ synonym }: Chosen, text: string): string {
  const factor = synonym.unitMs ?? 1
  return factor === 1 || text.startsWith('-') ? text : String(Number(text) * factor)
}
