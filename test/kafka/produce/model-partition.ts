import { baseSequence, hasProducerId, producerEpoch, producerId, recordCount } from '../../../src/codec/record-batch.ts'
import { decodeBatch } from '../../support/record-spans.ts'

interface RememberedBatch {
  readonly sequence: number
  readonly count: number
  readonly baseOffset: number
}

export interface ModelAnswer {
  readonly kafkaCode: number
  readonly baseOffset: number
}

interface KnownProducer {
  readonly epoch: number
  readonly remembered: readonly RememberedBatch[]
}

/** A partition's log as a broker keeps it: knows the last five batches of each producer that writes to it. */
export class ModelPartition {
  readonly values: string[] = []
  /** Larger batches are refused. */
  maxBatchBytes = Number.POSITIVE_INFINITY
  readonly #producers = new Map<bigint, KnownProducer>()

  append(batch: Buffer): ModelAnswer {
    if (batch.length > this.maxBatchBytes) return { kafkaCode: 10, baseOffset: -1 }
    if (!hasProducerId(batch, 0)) return this.#store(batch)
    const id = producerId(batch, 0)
    const epoch = producerEpoch(batch, 0)
    const sequence = baseSequence(batch, 0)
    const count = recordCount(batch, 0)
    const producer = this.#producers.get(id)
    if (producer !== undefined && epoch < producer.epoch) return { kafkaCode: 47, baseOffset: -1 }
    if (producer !== undefined && epoch > producer.epoch && sequence !== 0) return { kafkaCode: 45, baseOffset: -1 }
    const remembered = producer?.epoch === epoch ? producer.remembered : []
    const known = remembered.find((one) => one.sequence === sequence && one.count === count)
    if (known !== undefined) return { kafkaCode: 0, baseOffset: known.baseOffset }
    const last = remembered.at(-1)
    if (last !== undefined && sequence !== ((last.sequence + last.count) & 0x7fff_ffff)) {
      return { kafkaCode: 45, baseOffset: -1 }
    }
    const stored = this.#store(batch)
    const next = [...remembered.slice(-4), { sequence, count, baseOffset: stored.baseOffset }]
    this.#producers.set(id, { epoch, remembered: next })
    return stored
  }

  #store(batch: Buffer): ModelAnswer {
    const baseOffset = this.values.length
    for (const { value } of decodeBatch(batch)) this.values.push(String(value))
    return { kafkaCode: 0, baseOffset }
  }
}
