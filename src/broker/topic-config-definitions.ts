import { BrokerError, type FieldError } from './broker-error.ts'
import { ConfigValueError, LONG_MAX, LONG_MAX_TEXT, parseConfigValue, type ConfigType } from './config-value.ts'
import { nearMiss } from './near-miss.ts'
import { refusedTopicConfigs, topicConfigTable as table, type TopicConfigDefinition } from './topic-config-table.ts'
import type { TopicConfig } from './topic-config.ts'

/** Every topic config, sorted by name. */
export const topicConfigDefinitions: readonly TopicConfigDefinition[] = Object.values(table).sort((a, b) =>
  a.name < b.name ? -1 : 1,
)

/** Values by topic config name, as normal text, of those that the server's own configuration sets. */
export type BrokerTopicDefaults = ReadonlyMap<string, string>

export type TopicConfigSource = 'topic' | 'broker' | 'default'

export interface DescribedTopicConfig {
  readonly value: string
  /** Who set it: the topic's override, the server's configuration, or nobody. */
  readonly source: TopicConfigSource
}

/**
 * The settings in force for a topic. Values must have been validated when they were set; their range is not looked at
 * again, so that a range which a later version narrows makes no topic unreadable.
 */
export function resolveTopicConfig(
  brokerDefaults: BrokerTopicDefaults,
  overrides: ReadonlyMap<string, string>,
): TopicConfig {
  const value = <T>(definition: TopicConfigDefinition<T>): T =>
    definition.type.read(textInForce(definition, brokerDefaults, overrides).value)
  return {
    cleanupPolicy: value(table.cleanupPolicy),
    compressionType: value(table.compressionType),
    compressionGzipLevel: value(table.compressionGzipLevel),
    compressionZstdLevel: value(table.compressionZstdLevel),
    deleteRetentionMs: value(table.deleteRetentionMs),
    fileDeleteDelayMs: value(table.fileDeleteDelayMs),
    indexIntervalBytes: value(table.indexIntervalBytes),
    maxCompactionLagMs: value(table.maxCompactionLagMs),
    maxMessageBytes: value(table.maxMessageBytes),
    messageTimestampType: value(table.messageTimestampType),
    messageTimestampBeforeMaxMs: value(table.messageTimestampBeforeMaxMs),
    messageTimestampAfterMaxMs: value(table.messageTimestampAfterMaxMs),
    minCleanableDirtyRatio: value(table.minCleanableDirtyRatio),
    minCompactionLagMs: value(table.minCompactionLagMs),
    retentionBytes: value(table.retentionBytes),
    retentionMs: value(table.retentionMs),
    segmentBytes: value(table.segmentBytes),
    segmentMs: value(table.segmentMs),
    segmentJitterMs: value(table.segmentJitterMs),
  }
}

/** All topic configs of a topic by name, sorted, with their values as text and who set them. */
export function describeTopicConfigs(
  overrides: ReadonlyMap<string, string>,
  brokerDefaults: BrokerTopicDefaults,
): Record<string, DescribedTopicConfig> {
  return Object.fromEntries(
    topicConfigDefinitions.map((definition) => [definition.name, textInForce(definition, brokerDefaults, overrides)]),
  )
}

function textInForce(
  { name, default: text }: TopicConfigDefinition,
  brokerDefaults: BrokerTopicDefaults,
  overrides: ReadonlyMap<string, string>,
): DescribedTopicConfig {
  const override = overrides.get(name)
  if (override !== undefined) return { value: override, source: 'topic' }
  const broker = brokerDefaults.get(name)
  if (broker !== undefined) return { value: broker, source: 'broker' }
  return { value: text, source: 'default' }
}

const definitionsByName = new Map(topicConfigDefinitions.map((definition) => [definition.name, definition]))

/** Entries of `errors` that one answer holds at most. */
const ERRORS_MAX = 100

/** One fault; its message is for the client. */
class TopicConfigFault extends Error {
  override readonly name = 'TopicConfigFault'
}

/** What a change is laid over, where there is something: for the rules that span two configs. */
export interface TopicConfigBase {
  readonly overrides?: ReadonlyMap<string, string>
  readonly brokerDefaults?: BrokerTopicDefaults
  /** A cluster keeps the records: it may do what one server cannot. */
  readonly isCluster?: boolean
}

/**
 * Checks the members of a `configs` object, as they came out of JSON, and gives them as text in normal form; null stays
 * null (it removes an override).
 * @throws BrokerError INVALID_CONFIG with an entry for each fault: pointer, value, what is allowed
 */
export function validateTopicConfigs(
  changes: Iterable<readonly [string, unknown]>,
  base: TopicConfigBase = {},
): Map<string, string | null> {
  const valid = new Map<string, string | null>()
  const errors: FieldError[] = []
  for (const [name, value] of changes) {
    try {
      valid.set(name, validValue(definitionOf(name), value, base.isCluster === true))
    } catch (error) {
      if (!(error instanceof TopicConfigFault)) throw error
      errors.push({ pointer: pointerTo(name), detail: error.message })
    }
  }
  if (errors.length === 0) errors.push(...crossErrors(valid, base))
  const [first] = errors
  if (first === undefined) return valid
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  throw new BrokerError('INVALID_CONFIG', first.detail + others, {
    errors: errors.slice(0, ERRORS_MAX),
    errorCount: errors.length,
  })
}

function definitionOf(name: string): TopicConfigDefinition {
  const definition = definitionsByName.get(name)
  if (definition) return definition
  const reason = refusedTopicConfigs.get(name)
  if (reason !== undefined) throw new TopicConfigFault(`${name} cannot be set: ${reason}`)
  const meant = topicNameOfBrokerSetting(name) ?? nearMiss(name, definitionsByName.keys())
  throw new TopicConfigFault(
    `${shown(name)} is not a topic config${meant === undefined ? '' : `; did you mean ${meant}?`}`,
  )
}

/** People try `log.retention.ms`, the server's name for it. */
function topicNameOfBrokerSetting(name: string): string | undefined {
  return topicConfigDefinitions.find(({ synonyms }) => synonyms.some((synonym) => synonym.name === name))?.name
}

function validValue(definition: TopicConfigDefinition, value: unknown, isCluster: boolean): string | null {
  if (value === null) return null
  const { name } = definition
  const type = isCluster ? definition.type : (definition.embeddedType ?? definition.type)
  const text = textOf(type, value)
  try {
    if (text === undefined) throw new ConfigValueError(`${type.allowed}, as a string, number or boolean`)
    parseConfigValue(type, text)
    return type.normalise(text)
  } catch (error) {
    if (!(error instanceof ConfigValueError)) throw error
    throw new TopicConfigFault(`${name} is ${shown(value)}; it must be ${error.allowed}`)
  }
}

/**
 * The text of a JSON value, undefined where its kind does not fit. A whole number above 2^53 has lost digits in
 * `JSON.parse`, so it has to come as a string; only Kafka's "no limit" is recognised all the same.
 */
function textOf({ kind }: ConfigType<unknown>, value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return kind === 'boolean' ? String(value) : undefined
  if (typeof value !== 'number') return undefined
  if (kind === 'double') return String(value)
  if (kind !== 'int' && kind !== 'long') return undefined
  if (value === LONG_MAX) return LONG_MAX_TEXT
  return Number.isSafeInteger(value) ? String(value) : undefined
}

function crossErrors(changes: ReadonlyMap<string, string | null>, base: TopicConfigBase): FieldError[] {
  const overrides = new Map(base.overrides)
  for (const [name, value] of changes) {
    if (value === null) overrides.delete(name)
    else overrides.set(name, value)
  }
  const { minCompactionLagMs, maxCompactionLagMs } = resolveTopicConfig(base.brokerDefaults ?? new Map(), overrides)
  if (minCompactionLagMs <= maxCompactionLagMs) return []
  // Only a change of either can break the rule; what stands already is not this request's fault.
  const name = ['min.compaction.lag.ms', 'max.compaction.lag.ms'].find((candidate) => changes.has(candidate))
  if (name === undefined) return []
  const detail = `min.compaction.lag.ms would be ${minCompactionLagMs}, above max.compaction.lag.ms, ${maxCompactionLagMs}: it must not be`
  return [{ pointer: pointerTo(name), detail }]
}

/** RFC 6901: `~` and `/` are escaped. */
function pointerTo(name: string): string {
  return `/configs/${name.slice(0, 200).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
