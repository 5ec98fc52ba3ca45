import assert from 'node:assert/strict'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { publishWithClaim } from '../../../src/broker/claim-lapsed.ts'
import { appendClaimed } from '../../../src/broker/claimed-append.ts'
import type { AppendPart } from '../../../src/broker/append-request.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import type { PublishIdentity, StoredPart } from '../../../src/broker/publish-claim.ts'
import { KafkaProducers, type ProducersLimits } from '../../../src/kafka/claims/kafka-producers.ts'
import { batchOf } from '../../support/engine-records.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { mulberry32 } from '../../support/mulberry32.ts'
import { ModelCluster } from './model-transactions.ts'

const HOUR_MS = 3_600_000

export const limits: ProducersLimits = {
  admissionWaitMs: 1000,
  keyRetentionMs: HOUR_MS,
  produceInflightBytesMax: 1024 * 1024,
  producerExpirationMs: 24 * HOUR_MS,
  producerStateBytesMax: 1024 * 1024,
}

/** With a topic `orders`. */
export async function clusterOf(): Promise<ModelCluster> {
  const cluster = new ModelCluster()
  await cluster.create({ name: 'orders', partitionCount: 3, configs: new Map() })
  return cluster
}

export function gatewayOf(
  cluster: ModelCluster,
  clock: FakeClock,
  name = 'one',
  own: Partial<ProducersLimits> = {},
): KafkaProducers {
  return new KafkaProducers({
    topics: cluster,
    topicConfigOf: ({ configs }) => resolveTopicConfig(new Map(), configs),
    limits: { ...limits, ...own },
    clock,
    logger: silentLogger,
    random: mulberry32(7),
    stopping: new AbortController().signal,
    transactions: cluster.transactionsOf(name),
    ledgerLog: (topic) => cluster.ledgerLog(topic),
    listOffsets: (queries) => cluster.listOffsets(queries),
  })
}

export function fingerprint(text: string): Buffer {
  return Buffer.from(text.padEnd(16).slice(0, 16))
}

export function sequenceOf(sequence: number, { producerId = 'meter', epoch = 0, body = 'body' } = {}): PublishIdentity {
  return { kind: 'sequence', producerId, epoch, sequence, fingerprint: fingerprint(body) }
}

export function keyOf(key: string, body = 'body'): PublishIdentity {
  return { kind: 'key', key, fingerprint: fingerprint(body) }
}

/** Where a text is, stored now or before, in these partitions of `orders`. */
export async function publish(
  gateway: KafkaProducers,
  identity: PublishIdentity,
  text: string,
  partitions: readonly number[] = [0],
): Promise<readonly Pick<StoredPart, 'partition' | 'baseOffset'>[]> {
  const encode = (): readonly AppendPart[] => partitions.map((partition) => ({ partition, batches: [batchOf([text])] }))
  const { parts } = await publishWithClaim(
    () => gateway.claim('orders', identity),
    (claim) => appendClaimed(claim, encode, 'replicated'),
  )
  for (const { error } of parts) if (error !== undefined) throw error
  return parts.map(({ partition, baseOffset }) => ({ partition, baseOffset }))
}

/** Lets time go on until it is settled. */
export async function settled<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const outcome = { isOver: false }
  const over = (): unknown => (outcome.isOver = true)
  work.then(over, over)
  for (let turns = 0; !outcome.isOver; turns++) {
    assert.ok(turns < 100_000, 'it never ends')
    await new Promise((resolve) => setImmediate(resolve))
    if (!outcome.isOver) clock.advance(1)
  }
  return work
}

export function storedOf(error: unknown): string | undefined {
  assert.ok(error instanceof BrokerError, String(error))
  return error.options.stored
}
