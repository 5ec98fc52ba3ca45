import { RowIndex } from './row-index.ts'
import { TextInterner } from './text-interner.ts'

const FIRST_ROWS = 1024
const NONE = -1

export interface OffsetRow {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly nextOffset: number
  readonly metadata: string
  readonly commitTimestamp: number
}

/**
 * The committed offsets of all groups, as `__consumer_offsets` tells them: at most one for each group, topic name and
 * partition. One row an offset, in columns, chained by group: about 60 bytes an offset, whatever its group's size.
 *
 * A group exists while it has a row.
 */
export class OffsetTable {
  readonly #topics = new TextInterner()
  readonly #topicIds = new TextInterner()
  /** Cut by hash as well, for a Map of a million strings holds the event loop when it grows. */
  readonly #groups: Map<string, number>[] = Array.from({ length: 64 }, () => new Map<string, number>())
  readonly #groupNames: string[] = []
  readonly #groupFirstRow: number[] = []
  readonly #freeGroups: number[] = []

  #rows = 0
  #live = 0
  #freeRow = NONE
  #group = new Int32Array(FIRST_ROWS)
  #topic = new Int32Array(FIRST_ROWS)
  #topicId = new Int32Array(FIRST_ROWS)
  #partition = new Int32Array(FIRST_ROWS)
  #nextOffset = new Float64Array(FIRST_ROWS)
  #commitTimestamp = new Float64Array(FIRST_ROWS)
  /** Rows of one group are a doubly linked chain; free rows a chain through `next`. */
  #next = new Int32Array(FIRST_ROWS)
  #previous = new Int32Array(FIRST_ROWS)
  readonly #metadata: string[] = []
  readonly #index = new RowIndex((row) =>
    rowHash(this.#group[row] ?? 0, this.#topic[row] ?? 0, this.#partition[row] ?? 0),
  )

  /** The key that is being looked for: in fields, so that no closure is made for each of a million lookups. */
  #wantedGroup = NONE
  #wantedTopic = NONE
  #wantedPartition = NONE
  readonly #isWanted = (row: number): boolean =>
    this.#group[row] === this.#wantedGroup &&
    this.#topic[row] === this.#wantedTopic &&
    this.#partition[row] === this.#wantedPartition

  get size(): number {
    return this.#live
  }

  put(group: string, offset: OffsetRow): void {
    const groupNumber = this.#internGroup(group)
    const topic = this.#topics.number(offset.topic)
    let row = this.#findRow(groupNumber, topic, offset.partition)
    if (row === NONE) row = this.#addRow(groupNumber, topic, offset.partition)
    this.#topicId[row] = this.#topicIds.number(offset.topicId)
    this.#nextOffset[row] = offset.nextOffset
    this.#commitTimestamp[row] = offset.commitTimestamp
    this.#metadata[row] = offset.metadata
  }

  get(group: string, topic: string, partition: number): OffsetRow | undefined {
    const row = this.#find(group, topic, partition)
    return row === NONE ? undefined : this.#row(row)
  }

  remove(group: string, topic: string, partition: number): void {
    const row = this.#find(group, topic, partition)
    if (row !== NONE) this.#removeRow(group, row)
  }

  has(group: string): boolean {
    return this.#groupsOf(group).has(group)
  }

  /** In no order. The table must not change meanwhile. */
  *rows(group: string): IterableIterator<OffsetRow> {
    const number = this.#groupsOf(group).get(group)
    if (number === undefined) return
    for (let row = this.#groupFirstRow[number] ?? NONE; row !== NONE; row = this.#next[row] ?? NONE) {
      yield this.#row(row)
    }
  }

  /** Groups with an offset committed for this topic, each once. */
  groupsOfTopic(topicId: string): string[] {
    const wanted = this.#topicIds.find(topicId)
    const groups = new Set<number>()
    if (wanted !== NONE) {
      for (let row = 0; row < this.#rows; row++) if (this.#topicId[row] === wanted) groups.add(this.#group[row] ?? 0)
    }
    return Array.from(groups, (number) => this.#groupNames[number] ?? '')
  }

  /** In no order. The table must not change meanwhile. */
  *groups(): IterableIterator<string> {
    for (const groups of this.#groups) yield* groups.keys()
  }

  #row(row: number): OffsetRow {
    return {
      topic: this.#topics.text(this.#topic[row] ?? 0),
      topicId: this.#topicIds.text(this.#topicId[row] ?? 0),
      partition: this.#partition[row] ?? 0,
      nextOffset: this.#nextOffset[row] ?? 0,
      metadata: this.#metadata[row] ?? '',
      commitTimestamp: this.#commitTimestamp[row] ?? 0,
    }
  }

  #find(group: string, topic: string, partition: number): number {
    const groupNumber = this.#groupsOf(group).get(group)
    const topicNumber = this.#topics.find(topic)
    if (groupNumber === undefined || topicNumber === NONE) return NONE
    return this.#findRow(groupNumber, topicNumber, partition)
  }

  #findRow(group: number, topic: number, partition: number): number {
    this.#wantedGroup = group
    this.#wantedTopic = topic
    this.#wantedPartition = partition
    return this.#index.find(rowHash(group, topic, partition), this.#isWanted)
  }

  #addRow(group: number, topic: number, partition: number): number {
    const row = this.#takeRow()
    this.#group[row] = group
    this.#topic[row] = topic
    this.#partition[row] = partition
    const first = this.#groupFirstRow[group] ?? NONE
    this.#next[row] = first
    this.#previous[row] = NONE
    if (first !== NONE) this.#previous[first] = row
    this.#groupFirstRow[group] = row
    this.#index.add(rowHash(group, topic, partition), row)
    this.#live++
    return row
  }

  #takeRow(): number {
    const free = this.#freeRow
    if (free !== NONE) {
      this.#freeRow = this.#next[free] ?? NONE
      return free
    }
    if (this.#rows === this.#group.length) this.#grow()
    return this.#rows++
  }

  #removeRow(groupName: string, row: number): void {
    const group = this.#group[row] ?? 0
    this.#index.remove(rowHash(group, this.#topic[row] ?? 0, this.#partition[row] ?? 0), row)
    const next = this.#next[row] ?? NONE
    const previous = this.#previous[row] ?? NONE
    if (next !== NONE) this.#previous[next] = previous
    if (previous !== NONE) this.#next[previous] = next
    else this.#groupFirstRow[group] = next
    this.#metadata[row] = ''
    this.#topicId[row] = NONE
    this.#next[row] = this.#freeRow
    this.#freeRow = row
    this.#live--
    if (this.#groupFirstRow[group] === NONE) this.#removeGroup(groupName, group)
  }

  #internGroup(name: string): number {
    const groups = this.#groupsOf(name)
    const known = groups.get(name)
    if (known !== undefined) return known
    const number = this.#freeGroups.pop() ?? this.#groupNames.length
    this.#groupNames[number] = name
    this.#groupFirstRow[number] = NONE
    groups.set(name, number)
    return number
  }

  #removeGroup(name: string, number: number): void {
    this.#groupsOf(name).delete(name)
    this.#groupNames[number] = ''
    this.#freeGroups.push(number)
  }

  #groupsOf(name: string): Map<string, number> {
    let hash = name.length
    for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0
    return this.#groups[hash & 63] ?? new Map()
  }

  #grow(): void {
    const rows = Math.ceil(this.#group.length * 1.5)
    this.#group = grownInts(this.#group, rows)
    this.#topic = grownInts(this.#topic, rows)
    this.#topicId = grownInts(this.#topicId, rows)
    this.#partition = grownInts(this.#partition, rows)
    this.#nextOffset = grownFloats(this.#nextOffset, rows)
    this.#commitTimestamp = grownFloats(this.#commitTimestamp, rows)
    this.#next = grownInts(this.#next, rows)
    this.#previous = grownInts(this.#previous, rows)
  }
}

/** All bits of the result depend on all of the key: MurmurHash3's finishing steps. */
function rowHash(group: number, topic: number, partition: number): number {
  let hash = Math.imul(group, 0x9e37_79b1) ^ Math.imul(topic + 1, 0x85eb_ca77) ^ Math.imul(partition + 1, 0xc2b2_ae3d)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return hash ^ (hash >>> 16)
}

function grownInts(from: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(length)
  to.set(from)
  return to
}

function grownFloats(from: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const to = new Float64Array(length)
  to.set(from)
  return to
}
