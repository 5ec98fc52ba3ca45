import type { TSchema } from 'typebox'
import { component, ref } from './component.ts'
import { MAX_INTEGER, offset, partitionNumber } from './integers.ts'
import { nullable } from './nullable.ts'
import { Type } from './type.ts'

const lineNumber = (description: string) =>
  Type.Integer({ format: 'int64', minimum: 0, maximum: MAX_INTEGER, description })

export const PartitionProgressSchema = component('PartitionProgress', 'What was stored in a partition.', {
  partition: partitionNumber(),
  recordCount: Type.Integer({ format: 'int64', maximum: MAX_INTEGER }),
  firstOffset: nullable(offset('null with `acks=0`.')),
  lastOffset: nullable(offset('Records of others may lie between the first and this one.')),
})

const durability = Type.Optional(
  Type.String({
    description: 'What is vouched for: fsync, replicated, kernel or none. More may be added. Absent without records.',
    examples: ['fsync'],
  }),
)

export const PublishedLinesSchema = component(
  'PublishedLines',
  'The last line of the reply: all lines are stored. With `results=lines`, lines come before it that have `firstLine`.',
  {
    topic: Type.Optional(Type.String()),
    lineCount: Type.Optional(lineNumber('Blank ones too.')),
    firstLine: Type.Optional(lineNumber('Of a result of some lines: where they begin; the first line is 1.')),
    lastLine: Type.Optional(lineNumber('Where they end.')),
    recordCount: Type.Integer({ format: 'int64', maximum: MAX_INTEGER }),
    partitions: Type.Array(ref(PartitionProgressSchema)),
    durability,
  },
)

export const lineComponents: readonly TSchema[] = [PartitionProgressSchema, PublishedLinesSchema]
