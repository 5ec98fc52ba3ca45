import type { Acks } from '../../broker/append-request.ts'
import { isInternalTopicName } from '../../broker/topic-name.ts'
import type { AppendFacts } from './append-facts.ts'
import { BATCHES_SECTION_OVERHEAD_BYTES, ENTRY_BYTES } from './batches-section.ts'
import { FRAME_HEADER_BYTES, SECTION_HEADER_BYTES } from './frame.ts'
import type { LogAppend, LogAppended } from './log-append.ts'
import { PRODUCERS_SECTION_OVERHEAD_BYTES } from './producers-section.ts'

/** The parts of one request in one directory, from its arrival until it is answered. */
export class QueuedAppend {
  readonly parts: readonly LogAppend[]
  readonly acks: Acks
  /** What it wants to have written about itself. */
  readonly facts: AppendFacts | undefined
  /** Of its facts. */
  readonly factsBytes: number
  /** Of its batches. */
  readonly bytes: number
  readonly batchCount: number
  /** Of a topic that only the server writes to. */
  readonly isInternal: boolean
  /** Monotonic. */
  readonly arrivedMs: number
  /** In the order of the parts; filled in when its round is formed. */
  results: LogAppended[] = []
  readonly #answer = Promise.withResolvers<readonly LogAppended[]>()

  constructor(parts: readonly LogAppend[], acks: Acks, arrivedMs: number, facts?: AppendFacts) {
    this.parts = parts
    this.acks = acks
    this.facts = facts
    this.factsBytes = facts?.sizeBytes(parts.length) ?? 0
    this.arrivedMs = arrivedMs
    let bytes = 0
    let batchCount = 0
    for (const part of parts) {
      batchCount += part.batches.length
      for (const batch of part.batches) bytes += batch.bytes.length
    }
    this.bytes = bytes
    this.isInternal = parts[0] !== undefined && isInternalTopicName(parts[0].log.topic)
    this.batchCount = batchCount
    if (acks === '0') this.#answer.resolve(parts.map(({ log }) => notYetStored(log.partition)))
  }

  get answer(): Promise<readonly LogAppended[]> {
    return this.#answer.promise
  }

  /** What it adds to a frame at most: each batch may get an entry of its own. */
  get frameBytes(): number {
    return this.bytes + this.batchCount * ENTRY_BYTES + this.factsBytes
  }

  /** A second answer is without effect. */
  succeed(): void {
    this.#answer.resolve(this.results)
  }

  fail(error: Error): void {
    this.#answer.reject(error)
  }
}

function notYetStored(partition: number): LogAppended {
  return { partition, baseOffset: -1, logAppendTime: -1 }
}

/** Of a frame, beside its requests. */
export const ROUND_OVERHEAD_BYTES =
  FRAME_HEADER_BYTES +
  SECTION_HEADER_BYTES +
  BATCHES_SECTION_OVERHEAD_BYTES +
  SECTION_HEADER_BYTES +
  PRODUCERS_SECTION_OVERHEAD_BYTES
