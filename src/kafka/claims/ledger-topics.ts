import { BrokerError } from '../../broker/broker-error.ts'
import type { TopicStore, TopicSummary } from '../../broker/topic-store.ts'
import { ledgerTooSmall, notAllowed } from './request-errors.ts'
import { LEDGER_PARTITIONS, type LedgerKind } from './request-name.ts'

/**
 * Written in the same transactions as the records that they tell of. Two, because a key is remembered for minutes and a
 * producer for days: in one topic the keys of days would be kept.
 */
export const ledgerTopics: Readonly<Record<LedgerKind, string>> = {
  sequence: '__posthorn_producers',
  key: '__posthorn_idempotency_keys',
}

export type LedgerTopicStore = Pick<TopicStore, 'find' | 'create' | 'alterConfigs'>

/** Clocks of gateways and brokers differ. */
const MARGIN_MS = 60 * 60_000
/** Small enough for a gateway that reads what is in the newest one. */
const SEGMENT_BYTES = 32 * 1024 * 1024
const SEGMENT_MS = 60 * 60_000
/** Five requests of a thousand partitions. */
const ENTRY_BYTES_MAX = 8 * 1024 * 1024

/** Makes the ledger where there is none, and keeps it from forgetting what is promised. */
export async function ensureLedger(topics: LedgerTopicStore, kind: LedgerKind, lifetimeMs: number): Promise<void> {
  const name = ledgerTopics[kind]
  const retentionMs = lifetimeMs + MARGIN_MS
  try {
    const ledger = topics.find(name) ?? (await created(topics, name, kind, retentionMs))
    if (ledger.partitionCount < LEDGER_PARTITIONS) throw ledgerTooSmall(name, ledger.partitionCount, LEDGER_PARTITIONS)
    const changes = promised(ledger, retentionMs)
    if (changes.size > 0) await topics.alterConfigs(name, changes)
  } catch (error) {
    throw notAllowed(error)
  }
}

async function created(
  topics: LedgerTopicStore,
  name: string,
  kind: LedgerKind,
  retentionMs: number,
): Promise<TopicSummary> {
  const configs = new Map([
    // An entry of a producer replaces the one before; of a key there is one.
    ['cleanup.policy', kind === 'key' ? 'delete' : 'compact,delete'],
    ['retention.ms', String(retentionMs)],
    ['retention.bytes', '-1'],
    ['segment.bytes', String(SEGMENT_BYTES)],
    ['segment.ms', String(SEGMENT_MS)],
    ['max.message.bytes', String(ENTRY_BYTES_MAX)],
    ['message.timestamp.type', 'CreateTime'],
    ['compression.type', 'producer'],
    ['unclean.leader.election.enable', 'false'],
  ])
  try {
    return await topics.create({ name, partitionCount: LEDGER_PARTITIONS, configs, internal: true })
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'TOPIC_ALREADY_EXISTS') throw error
    const found = topics.find(name)
    if (found === undefined) throw error
    return found
  }
}

/** What has to change for entries to stay as long as they are in force: a longer time than asked for is none of ours. */
function promised({ configs }: TopicSummary, retentionMs: number): ReadonlyMap<string, string> {
  const changes = new Map<string, string>()
  const kept = Number(configs.get('retention.ms') ?? 0)
  if (kept >= 0 && kept < retentionMs) changes.set('retention.ms', String(retentionMs))
  if (configs.get('retention.bytes') !== '-1') changes.set('retention.bytes', '-1')
  if (configs.get('compression.type') !== 'producer') changes.set('compression.type', 'producer')
  return changes
}
