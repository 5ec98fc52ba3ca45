import { Type } from 'typebox'
import type { Acks } from '../../broker/engine.ts'
import type { RecordFormat } from '../json/record-format.ts'
import { offset, partitionNumber, SETTING } from './integers.ts'

const topic = Type.String({ minLength: 1, description: 'The topic’s name.', examples: ['orders'] })

export const TopicParams = Type.Object({ topic }, { additionalProperties: false })

export const PartitionParams = Type.Object({ topic, partition: partitionNumber() }, { additionalProperties: false })

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
      description: 'At most so many stored bytes; one record is returned whatever its size.',
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
