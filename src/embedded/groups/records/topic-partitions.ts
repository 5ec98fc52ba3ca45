import { type Assignment, type Holdings, HoldingsBuilder } from '../membership/holdings.ts'
import { unsignedVarintBytes } from '../unsigned-varint.ts'
import type { MessageReader } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'

/*
 * TopicPartitions, as the targets and current assignments have them:
 *
 *   uvarint   number of topics + 1; each:
 *     uuid      topic id
 *     uvarint   number of partitions + 1, then an int32 each
 *     uvarint   number of tagged fields; each: uvarint tag, uvarint size, bytes
 *                 tag 0 (current assignments only): the epochs since which the partitions are owned, an array of int32 alike
 */
const ASSIGNMENT_EPOCHS_TAG = 0
const INT32_BYTES = 4

export function writeAssignment(out: MessageWriter, assignment: Assignment): void {
  out.count(assignment.size)
  for (const [topicId, partitions] of assignment) {
    out.uuid(topicId)
    writeInts(out, partitions)
    out.noTags()
  }
}

export function readAssignment(from: MessageReader): Assignment {
  return new Map(
    from.array(() => {
      const topicId = from.uuid()
      const partitions = from.array(() => from.int32())
      from.tags()
      return [topicId, partitions]
    }),
  )
}

export function writeHoldings(out: MessageWriter, holdings: Holdings): void {
  out.count(holdings.size)
  for (const [topicId, partitions] of holdings) {
    out.uuid(topicId)
    writeInts(out, [...partitions.keys()])
    out.uvarint(1)
    out.uvarint(ASSIGNMENT_EPOCHS_TAG)
    out.uvarint(unsignedVarintBytes(partitions.size + 1) + INT32_BYTES * partitions.size)
    writeInts(out, [...partitions.values()])
  }
}

/** @param epoch counts for partitions whose epochs are not told, as by Kafka before 4.3 */
export function readHoldings(from: MessageReader, epoch: number): Holdings {
  const holdings = new HoldingsBuilder()
  from.array(() => {
    const topicId = from.uuid()
    const partitions = from.array(() => from.int32())
    let epochs: number[] = partitions.map(() => epoch)
    from.tags((tag) => {
      if (tag !== ASSIGNMENT_EPOCHS_TAG) return false
      epochs = from.array(() => from.int32())
      return true
    })
    if (epochs.length !== partitions.length) from.failed = true
    partitions.forEach((partition, index) => holdings.add(topicId, partition, epochs[index] ?? epoch))
  })
  return holdings.build()
}

function writeInts(out: MessageWriter, values: readonly number[]): void {
  out.count(values.length)
  for (const value of values) out.int32(value)
}
