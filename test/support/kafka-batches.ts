import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../tidy/source-files.ts'
import { flights } from './real-input.ts'
import type { PlainRecord } from './record-spans.ts'

/*
 * Record batches that Kafka's own producer made, one a file, and the records that are in them: in the order of the codecs'
 * ids. test/fixtures/kafka-batches/README.md tells how they came about.
 */

export const kafkaCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type KafkaCodec = (typeof kafkaCodecs)[number]

export const kafkaBatchNames = ['small', 'random', 'flights'] as const

export type KafkaBatchName = (typeof kafkaBatchNames)[number]

const FIRST_TIMESTAMP = 1_700_000_000_000

/** All that a record may have: nulls, empty ones, bytes that are no text, headers twice and without a value. */
const small: readonly PlainRecord[] = [
  { key: Buffer.from('user-42'), value: Buffer.from('{"total":12.50}'), timestamp: FIRST_TIMESTAMP },
  { key: null, value: Buffer.from('no key'), timestamp: FIRST_TIMESTAMP + 1 },
  { key: Buffer.from('tombstone'), value: null, timestamp: FIRST_TIMESTAMP - 1000 },
  { key: Buffer.from([0, 255, 128, 10]), value: Buffer.alloc(0), timestamp: FIRST_TIMESTAMP + 86_400_000 },
  {
    key: Buffer.alloc(0),
    value: Buffer.from('with headers: '.repeat(100)),
    timestamp: FIRST_TIMESTAMP + 2,
    headers: [
      { name: Buffer.from('trace'), value: Buffer.from('abc') },
      { name: Buffer.from('trace'), value: Buffer.from([1, 2, 254]) },
      { name: Buffer.from('nothing'), value: null },
      { name: Buffer.from('größe'), value: Buffer.alloc(0) },
    ],
  },
]

/** Bytes that no codec makes smaller. */
function incompressible(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** Above the blocks of snappy (32 KiB) and lz4 (64 KiB), so that there are several. */
function manyFlights(): PlainRecord[] {
  return flights()
    .slice(0, 2000)
    .map(({ key, value }, index) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
      timestamp: FIRST_TIMESTAMP + index,
    }))
}

/** The records of a batch, in order. */
export function kafkaBatchRecords(name: KafkaBatchName): readonly PlainRecord[] {
  if (name === 'flights') return manyFlights()
  if (name === 'small') return small
  return [{ key: null, value: incompressible(6000), timestamp: FIRST_TIMESTAMP }]
}

export function kafkaBatchFile(codec: KafkaCodec, name: KafkaBatchName): string {
  return join(repositoryRoot, 'test/fixtures/kafka-batches', `${name}-${codec}.batch`)
}

/** One batch v2 with base offset 0, as it stood in the broker's segment. */
export function kafkaBatch(codec: KafkaCodec, name: KafkaBatchName): Buffer {
  return readFileSync(kafkaBatchFile(codec, name))
}
