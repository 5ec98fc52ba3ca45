import type { BrokerSynonym } from '../broker/topic-config-table.ts'
import type { ConfigType } from '../broker/config-value.ts'

/** A setting of the server: the one place that knows its name, type, range and default. */
export interface SettingDefinition<T = unknown> {
  readonly name: string
  readonly type: ConfigType<T>
  /** In its normal form; undefined where there is none. */
  readonly default: string | undefined
  /** Under which names it can be given; of several in one source the first counts. */
  readonly synonyms: readonly BrokerSynonym[]
  /** Synonyms that contradict each other in one source are a mistake, not a matter of precedence. */
  readonly synonymsMustAgree: boolean
  /** Kafka's default, where ours is another. */
  readonly kafkaDefault?: string
  /** Sentences for docs/configuration.md. */
  readonly doc: string
}

interface Extras {
  readonly synonyms?: readonly BrokerSynonym[]
  readonly synonymsMustAgree?: boolean
  readonly kafkaDefault?: string
}

export function defineSetting<T>(
  name: string,
  type: ConfigType<T>,
  defaultText: string | undefined,
  doc: string,
  { synonyms = [], synonymsMustAgree = false, ...extras }: Extras = {},
): SettingDefinition<T> {
  return {
    name,
    type,
    default: defaultText,
    synonyms: [{ name, type }, ...synonyms],
    synonymsMustAgree,
    doc,
    ...extras,
  }
}
