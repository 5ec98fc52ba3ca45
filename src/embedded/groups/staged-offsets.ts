import type { OffsetRow, OffsetTable } from './offset-table.ts'

/** A change of one committed offset: the new row, or null where it is forgotten. */
export interface OffsetWrite {
  readonly topic: string
  readonly partition: number
  readonly row: OffsetRow | null
}

/**
 * One group's offsets as they will be when the changes staged here are durable. Several operations stage into one, in
 * order, each seeing what those before it staged; the table underneath stays as readers see it until `apply`.
 */
export class StagedOffsets {
  readonly #table: OffsetTable
  readonly group: string
  readonly #writes = new Map<string, OffsetWrite>()

  constructor(table: OffsetTable, group: string) {
    this.#table = table
    this.group = group
  }

  /** What is to be written: the last change of each partition. */
  get writes(): readonly OffsetWrite[] {
    return [...this.#writes.values()]
  }

  get(topic: string, partition: number): OffsetRow | undefined {
    const write = this.#writes.get(keyOf(topic, partition))
    return write === undefined ? this.#table.get(this.group, topic, partition) : (write.row ?? undefined)
  }

  /** In no order. */
  rows(): OffsetRow[] {
    const rows: OffsetRow[] = []
    for (const row of this.#table.rows(this.group)) {
      if (!this.#writes.has(keyOf(row.topic, row.partition))) rows.push(row)
    }
    for (const write of this.#writes.values()) if (write.row !== null) rows.push(write.row)
    return rows
  }

  put(row: OffsetRow): void {
    this.#writes.set(keyOf(row.topic, row.partition), { topic: row.topic, partition: row.partition, row })
  }

  remove(topic: string, partition: number): void {
    this.#writes.set(keyOf(topic, partition), { topic, partition, row: null })
  }

  /** Makes the changes visible. */
  apply(): void {
    for (const { topic, partition, row } of this.#writes.values()) {
      if (row === null) this.#table.remove(this.group, topic, partition)
      else this.#table.put(this.group, row)
    }
  }
}

function keyOf(topic: string, partition: number): string {
  return `${partition}/${topic}`
}
