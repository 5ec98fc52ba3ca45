/**
 * What consumers of classic groups tell one another through the coordinator, which does not look into it:
 *
 * ```
 * subscription: version i16 | count i32 | count × (length i16 | name) | …
 * assignment:   version i16 | count i32 | count × (length i16 | name | count i32 | count × partition i32) | …
 * ```
 * Others than consumers write other things there: what cannot be read as this is told as nothing.
 */
export interface NamedPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

export function classicSubscription(bytes: Buffer): readonly string[] {
  return parsed(bytes, (from) => from.text()) ?? []
}

export function classicAssignment(bytes: Buffer): readonly NamedPartitions[] {
  return parsed(bytes, (from) => ({ topic: from.text(), partitions: from.list(() => from.int32()) })) ?? []
}

function parsed<Entry>(bytes: Buffer, read: (from: BigEndianReader) => Entry): readonly Entry[] | undefined {
  if (bytes.length === 0) return undefined
  try {
    const from = new BigEndianReader(bytes)
    from.int16()
    return from.list(() => read(from))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Throws a RangeError where the bytes end. */
class BigEndianReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    const value = this.#bytes.readInt16BE(this.#at)
    this.#at += 2
    return value
  }

  int32(): number {
    const value = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  text(): string {
    const length = this.int16()
    if (length < 0 || this.#at + length > this.#bytes.length) throw new RangeError('the text ends behind its bytes')
    const value = this.#bytes.toString('utf8', this.#at, this.#at + length)
    this.#at += length
    return value
  }

  list<Entry>(read: () => Entry): Entry[] {
    const entries: Entry[] = []
    for (let left = this.int32(); left > 0; left -= 1) entries.push(read())
    return entries
  }
}
