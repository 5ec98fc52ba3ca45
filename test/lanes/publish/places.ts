export interface Place {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}

/** Where a publisher's records are said to be, by record number; columns, for there are a million. */
export class Places {
  readonly #partition: Int32Array
  readonly #offset: Float64Array
  readonly #timestamp: Float64Array

  constructor(records: number) {
    this.#partition = new Int32Array(records).fill(-1)
    this.#offset = new Float64Array(records)
    this.#timestamp = new Float64Array(records)
  }

  get length(): number {
    return this.#partition.length
  }

  set(number: number, { partition, offset, timestamp }: Place): void {
    this.#partition[number] = partition
    this.#offset[number] = offset
    this.#timestamp[number] = timestamp
  }

  /** undefined where nothing was said. */
  at(number: number): Place | undefined {
    const partition = this.#partition[number] ?? -1
    if (partition === -1) return undefined
    return { partition, offset: this.#offset[number] ?? 0, timestamp: this.#timestamp[number] ?? 0 }
  }
}
