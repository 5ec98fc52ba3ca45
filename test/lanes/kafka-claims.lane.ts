import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { Engine } from '../../src/broker/engine.ts'
import type { PublishIdentity } from '../../src/broker/publish-claim.ts'
import { makeTopic } from '../conformance/make-topic.ts'
import { batchSizeBytes, lastOffset } from '../../src/codec/record-batch.ts'
import { batchOf, readFrom, valuesOf } from '../support/engine-records.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

/** Requests that are known again, whichever gateway gets them. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

const fingerprint = Buffer.alloc(16, 1)

/** Also behind what readers pass over: the transactions that a gateway ended for the other one. */
async function valuesToTheEnd(engine: Engine): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0; ;) {
    const read = await readFrom(engine, { topic: 'orders', partition: 0, offset })
    values.push(...valuesOf(read, offset))
    if (read.batches.length === 0) return values
    for (const buffer of read.batches) {
      for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) offset = lastOffset(buffer, at) + 1
    }
  }
}

/** As a client does it: the same again while it is told to. Where the records are. */
async function publishUntilStored(
  engine: Engine,
  identity: PublishIdentity,
  text: string,
): Promise<number | undefined> {
  for (;;) {
    try {
      const claim = await engine.producers.claim('orders', identity)
      if (claim.isComplete) return claim.stored[0]?.baseOffset
      const { parts } = await claim.append([{ partition: 0, batches: [batchOf([text])] }], [0])
      if (parts[0]?.error !== undefined) throw parts[0].error
      return parts[0]?.baseOffset
    } catch (error) {
      if (!(error instanceof BrokerError) || !error.retriable) throw error
      await setTimeout(20)
    }
  }
}

test(
  'the same requests at two gateways at once, and at a third one later: stored once',
  { skip: missing ?? false, timeout: 120_000 },
  async (t) => {
    const cluster = await KafkaCluster.start(tempDirectory(t), { nodeCount: 1 })
    cleanUpBehind(t, () => cluster.stop())
    keepLogsOfFailure(t, cluster)
    const [one, two] = [
      await openKafkaEngine(t, cluster.bootstrapServers),
      await openKafkaEngine(t, cluster.bootstrapServers),
    ]
    await makeTopic(one, 'orders')
    await two.topics.refresh('orders')
    const identities = Array.from({ length: 12 }, (_, at): PublishIdentity => {
      if (at % 3 === 0) return { kind: 'key', key: `key-${at}`, fingerprint }
      return { kind: 'sequence', producerId: `meter-${at % 3}`, epoch: 0, sequence: Math.floor(at / 3), fingerprint }
    })
    const places = await Promise.all(
      identities.map((identity, at) =>
        Promise.all([one, two].map((engine) => publishUntilStored(engine, identity, `${at}`))),
      ),
    )
    for (const [first, second] of places) assert.equal(first, second)
    const values = await valuesToTheEnd(one)
    assert.deepEqual(values.toSorted(), identities.map((_, at) => `${at}`).toSorted())
    const later = await openKafkaEngine(t, cluster.bootstrapServers)
    for (const [at, identity] of identities.entries()) {
      const claim = await later.producers.claim('orders', identity)
      assert.deepEqual([claim.isComplete, claim.stored[0]?.baseOffset], [true, places[at]?.[0]])
    }
    assert.deepEqual(await later.producers.describe('orders', 'meter-1'), { epoch: 0, nextSequence: 4 })
  },
)
