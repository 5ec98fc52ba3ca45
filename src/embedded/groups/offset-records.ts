import { isControl, lastOffset } from '../../codec/record-batch.ts'
import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { readRecords, type RecordSink } from '../../codec/record-reader.ts'
import type { GroupReplays } from './group-replays.ts'
import { OffsetCommitKeyReader } from './offset-commit-key.ts'
import { OffsetCommitValueReader } from './offset-commit-value.ts'
import type { OffsetTable } from './offset-table.ts'
import { SpanTexts } from './span-texts.ts'

/**
 * Plays batches of `__consumer_offsets`: committed offsets into a table, records of members to their groups. Records must
 * come in offset order within a partition.
 */
export class OffsetRecords implements RecordSink {
  /** Records and batches that were passed over because they fit no layout known. */
  unreadable = 0
  readonly #table: OffsetTable
  readonly #replays: GroupReplays
  readonly #names = new SpanTexts('utf8')
  readonly #topicIds = new SpanTexts('base64url')
  readonly #key = new OffsetCommitKeyReader()
  readonly #value = new OffsetCommitValueReader()
  /** One for all: the table copies what it is given, and a million objects would be the most of the work. */
  readonly #row = { topic: '', topicId: '', partition: 0, nextOffset: 0.5, metadata: '', commitTimestamp: 0.5 }
  #bytes: Buffer = Buffer.alloc(0)
  #from = 0

  constructor(table: OffsetTable, replays: GroupReplays) {
    this.#table = table
    this.#replays = replays
  }

  /**
   * Plays the records of the batch at `at`, from offset `from` on.
   *
   * @returns the offset behind the batch
   */
  play(bytes: Buffer, at: number, from: number): number {
    this.#bytes = bytes
    this.#from = from
    try {
      if (!isControl(bytes, at)) readRecords(bytes, at, this)
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error
      this.unreadable++
    }
    return lastOffset(bytes, at) + 1
  }

  record(
    offset: number,
    _timestamp: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    if (offset < this.#from) return true
    const bytes = this.#bytes
    const kind = keyStart < 0 ? 'malformed' : this.#key.read(bytes, keyStart, keyEnd)
    if (kind === 'malformed') this.unreadable++
    if (kind === 'other') this.#playOther(keyStart, keyEnd, valueStart, valueEnd)
    if (kind !== 'offset-commit') return true
    const group = this.#names.text(bytes, this.#key.groupStart, this.#key.groupEnd)
    const topic = this.#names.text(bytes, this.#key.topicStart, this.#key.topicEnd)
    if (valueStart < 0) this.#table.remove(group, topic, this.#key.partition)
    else this.#put(group, topic, valueStart, valueEnd)
    return true
  }

  #playOther(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const key = this.#bytes.subarray(keyStart, keyEnd)
    const value = valueStart < 0 ? null : this.#bytes.subarray(valueStart, valueEnd)
    if (!this.#replays.play(key, value)) this.unreadable++
  }

  #put(group: string, topic: string, valueStart: number, valueEnd: number): void {
    const value = this.#value
    if (!value.read(this.#bytes, valueStart, valueEnd)) {
      this.unreadable++
      return
    }
    const row = this.#row
    row.topic = topic
    row.topicId = this.#topicIds.text(this.#bytes, value.topicIdStart, value.topicIdEnd)
    row.partition = this.#key.partition
    row.nextOffset = value.nextOffset
    row.commitTimestamp = value.commitTimestamp
    const { metadataStart, metadataEnd } = value
    row.metadata = metadataStart === metadataEnd ? '' : this.#bytes.toString('utf8', metadataStart, metadataEnd)
    this.#table.put(group, row)
  }
}
