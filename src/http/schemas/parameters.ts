import type { Compression } from '../../broker/batch-compression.ts'
import type { Acks } from '../../broker/append-request.ts'
import type { RecordFormat } from '../json/record-format.ts'
import { MAX_INTEGER, offset, partitionNumber, SETTING } from './integers.ts'
import { Type } from './type.ts'

const topic = Type.String({ minLength: 1, description: 'The topic’s name.', examples: ['orders'] })

export const TopicParams = Type.Object({ topic }, { additionalProperties: false })

export const PartitionParams = Type.Object({ topic, partition: partitionNumber() }, { additionalProperties: false })

export const ProducerParams = Type.Object(
  {
    topic,
    producerId: Type.String({
      minLength: 1,
      description: 'The `Producer-Id`, percent-encoded.',
      examples: ['billing-7'],
    }),
  },
  { additionalProperties: false },
)

export const RecordParams = Type.Object(
  { topic, partition: partitionNumber(), offset: { ...offset('The record’s offset.'), examples: [17] } },
  { additionalProperties: false },
)

export const acksQuery = Type.Unsafe<Acks>({
  type: 'string',
  enum: ['all', '1', '0'],
  default: 'all',
  description: 'When to answer: `all` once the records are durable, `1` once written, `0` at once (202).',
  examples: ['all'],
})

const compressions: readonly Compression['type'][] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export const compressionQuery = Type.Optional(
  Type.Unsafe<Compression['type']>({
    type: 'string',
    enum: compressions,
    description:
      'How the server stores these records where the topic has `compression.type=producer`; any other of its values wins. ' +
      'Readers are not told: the server decompresses.',
    examples: ['zstd'],
  }),
)

/** By which a publish request is known again; the controllers check them, and say what goes with what. */
export const identityHeaders = Type.Object({
  'Producer-Id': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description:
        'Made by the client, visible ASCII: whose requests to this topic are counted. With `Producer-Sequence`; a request ' +
        'sent again is answered as the first time and stored once.',
      examples: ['billing-7'],
    }),
  ),
  'Producer-Epoch': Type.Optional(
    Type.Integer({
      format: 'int32',
      minimum: 0,
      maximum: 32_767,
      default: 0,
      description:
        'Raised by a producer that lost count, or takes over: its sequence begins at 0 again, older epochs are refused.',
      examples: [0],
    }),
  ),
  'Producer-Sequence': Type.Optional(
    Type.Integer({
      format: 'int64',
      minimum: 0,
      maximum: MAX_INTEGER,
      description: '0, 1, 2 …: one for each request of the producer to this topic. Up to five may be under way.',
      examples: [0],
    }),
  ),
  'Idempotency-Key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'The same for a single request, without counting: visible ASCII, remembered for `idempotency.key.retention.ms`.',
      examples: ['0b9e8a52-order-42'],
    }),
  ),
})

/** `limit` and `cursor` of a list. */
export const listQuery = {
  limit: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 1000,
    description: 'At most so many items.',
    examples: [100],
  }),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description: 'Where to go on: the `nextCursor` of the page before.',
      examples: ['AQIAFnQ1'],
    }),
  ),
}

/** Limits of pages of records, and what holds where a request says nothing. */
export interface PageSettings {
  /** `page.default.records` */
  readonly pageDefaultRecords: number
  /** `page.max.records` */
  readonly pageMaxRecords: number
  /** `page.default.bytes` */
  readonly pageDefaultBytes: number
  /** `page.max.bytes` */
  readonly pageMaxBytes: number
  /** `page.max.wait.ms` */
  readonly pageMaxWaitMs: number
}

/** Parameters that limit a page of records. */
export function pageQuery(settings: PageSettings) {
  return {
    maxRecords: Type.Integer({
      minimum: 1,
      maximum: settings.pageMaxRecords,
      [SETTING]: 'page.max.records',
      default: settings.pageDefaultRecords,
      description: 'At most so many records.',
      examples: [100],
    }),
    maxBytes: Type.Integer({
      minimum: 1,
      maximum: settings.pageMaxBytes,
      [SETTING]: 'page.max.bytes',
      default: settings.pageDefaultBytes,
      description:
        'At most so many bytes of records, counted as they are without compression; one is returned whatever its size.',
      examples: [65_536],
    }),
    waitMs: Type.Integer({
      minimum: 0,
      maximum: settings.pageMaxWaitMs,
      [SETTING]: 'page.max.wait.ms',
      default: 0,
      description: 'Milliseconds to wait for the first record where there is none yet.',
      examples: [0],
    }),
  }
}

const formats: RecordFormat[] = ['auto', 'json', 'string', 'base64']

/** How keys and values are spelled in JSON. */
export const formatQuery = {
  format: Type.Unsafe<RecordFormat>({
    type: 'string',
    enum: formats,
    default: 'auto',
    description: 'How keys and values are spelled.',
    examples: ['auto'],
  }),
  keyFormat: Type.Optional(
    Type.Unsafe<RecordFormat>({
      type: 'string',
      enum: formats,
      description: 'The same for keys alone.',
      examples: ['string'],
    }),
  ),
  valueFormat: Type.Optional(
    Type.Unsafe<RecordFormat>({
      type: 'string',
      enum: formats,
      description: 'The same for values alone.',
      examples: ['json'],
    }),
  ),
}

export const cursorQuery = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 4096,
    description: 'Where to go on: the `cursor` of a page before. Not together with another start.',
    examples: ['AQAAFnQ1'],
  }),
)

export const partitionsQuery = Type.Optional(
  Type.String({ minLength: 1, description: 'Only these partitions.', examples: ['0-63,70'] }),
)
