import assert from 'node:assert/strict'
import { baseSequence, hasProducerId, producerEpoch, recordCount } from '../../../src/codec/record-batch.ts'
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

/** A partition's log as a broker keeps it: knows the last five batches of the one producer that writes to it. */
export class ModelPartition {
  readonly values: string[] = []
  /** Larger batches are refused. */
  maxBatchBytes = Number.POSITIVE_INFINITY
  #epoch = -1
  #remembered: RememberedBatch[] = []

  append(batch: Buffer): ModelAnswer {
    if (batch.length > this.maxBatchBytes) return { kafkaCode: 10, baseOffset: -1 }
    if (!hasProducerId(batch, 0)) return this.#store(batch)
    const epoch = producerEpoch(batch, 0)
    const sequence = baseSequence(batch, 0)
    const count = recordCount(batch, 0)
    if (epoch < this.#epoch) return { kafkaCode: 47, baseOffset: -1 }
    if (epoch > this.#epoch) {
      if (this.#epoch >= 0 && sequence !== 0) return { kafkaCode: 45, baseOffset: -1 }
      this.#remembered = []
    }
    const known = this.#remembered.find((one) => one.sequence === sequence && one.count === count)
    if (known !== undefined) return { kafkaCode: 0, baseOffset: known.baseOffset }
    const last = this.#remembered.at(-1)
    if (last !== undefined && sequence !== ((last.sequence + last.count) & 0x7fff_ffff)) {
      return { kafkaCode: 45, baseOffset: -1 }
    }
    if (last === undefined && this.#epoch === epoch) assert.fail('an epoch without a batch')
    this.#epoch = epoch
    const stored = this.#store(batch)
    this.#remembered = [...this.#remembered.slice(-4), { sequence, count, baseOffset: stored.baseOffset }]
    return stored
  }

  #store(batch: Buffer): ModelAnswer {
    const baseOffset = this.values.length
    for (const { value } of decodeBatch(batch)) this.values.push(String(value))
    return { kafkaCode: 0, baseOffset }
  }
}
