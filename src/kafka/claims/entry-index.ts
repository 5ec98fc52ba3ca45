/*
 * A place of the table, in three arrays side by side: digest 4 × uint32 │ offset float64, −1 = free │ seconds uint32.
 * Who hashes to a place that is taken goes to the next one that is free.
 */
const PLACE_BYTES = 28
const PLACES_MIN = 64
const FULL_SHARE = 0.8
const GROWTH = 1.25

/** Where in a log the newest entry of each name is, and when it was made: 28 bytes a place, up to 45 an entry. */
export class EntryIndex {
  #digests = new Uint32Array(0)
  #offsets = new Float64Array(0)
  #seconds = new Uint32Array(0)
  #count = 0

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#offsets.length * PLACE_BYTES
  }

  /** How many bytes more it will have with one name more. */
  get growthBytes(): number {
    return this.#isFull ? (grown(this.#offsets.length) - this.#offsets.length) * PLACE_BYTES : 0
  }

  /** −1 where there is none. */
  offsetOf(digest: Buffer): number {
    return this.#offsets[this.#placeOf(digest)] ?? -1
  }

  /** Unix milliseconds, to the second, never earlier than it was; 0 where there is none. */
  madeAt(digest: Buffer): number {
    const place = this.#placeOf(digest)
    return (this.#offsets[place] ?? -1) < 0 ? 0 : (this.#seconds[place] ?? 0) * 1000
  }

  /** Without effect where one further back is known. Those made before `expiredMs` leave when there is no room. */
  put(digest: Buffer, offset: number, madeMs: number, expiredMs: number): void {
    let place = this.#placeOf(digest)
    const known = this.#offsets[place] ?? -1
    if (known >= offset) return
    if (known < 0) {
      if (this.#isFull) {
        this.sweep(expiredMs)
        if (this.#isFull) this.#rebuild(grown(this.#offsets.length), 0)
        place = this.#placeOf(digest)
      }
      for (let word = 0; word < 4; word++) this.#digests[place * 4 + word] = digest.readUInt32LE(word * 4)
      this.#count++
    }
    this.#offsets[place] = offset
    this.#seconds[place] = Math.ceil(Math.max(0, madeMs) / 1000)
  }

  /** Forgets those made before, and gives their room back. */
  sweep(expiredMs: number): void {
    const expired = Math.max(0, Math.floor(expiredMs / 1000))
    let left = 0
    for (const [place, offset] of this.#offsets.entries()) {
      if (offset >= 0 && (this.#seconds[place] ?? 0) >= expired) left++
    }
    if (left < this.#count) this.#rebuild(Math.ceil((left / FULL_SHARE) * GROWTH), expired)
  }

  get #isFull(): boolean {
    return this.#count + 1 > this.#offsets.length * FULL_SHARE
  }

  /** Where it is, or where it would be put; an empty table has no place. */
  #placeOf(digest: Buffer): number {
    const { length } = this.#offsets
    if (length === 0) return 0
    let place = digest.readUInt32LE(8) % length
    while ((this.#offsets[place] ?? -1) >= 0 && !this.#isAt(place, digest)) {
      place = place + 1 === length ? 0 : place + 1
    }
    return place
  }

  #isAt(place: number, digest: Buffer): boolean {
    for (let word = 0; word < 4; word++) {
      if (this.#digests[place * 4 + word] !== digest.readUInt32LE(word * 4)) return false
    }
    return true
  }

  #rebuild(places: number, expired: number): void {
    const [digests, offsets, seconds] = [this.#digests, this.#offsets, this.#seconds]
    const length = Math.max(PLACES_MIN, places)
    this.#digests = new Uint32Array(length * 4)
    this.#offsets = new Float64Array(length).fill(-1)
    this.#seconds = new Uint32Array(length)
    this.#count = 0
    for (let from = 0; from < offsets.length; from++) {
      if ((offsets[from] ?? -1) < 0 || (seconds[from] ?? 0) < expired) continue
      let to = (digests[from * 4 + 2] ?? 0) % length
      while ((this.#offsets[to] ?? -1) >= 0) to = to + 1 === length ? 0 : to + 1
      this.#digests.set(digests.subarray(from * 4, from * 4 + 4), to * 4)
      this.#offsets[to] = offsets[from] ?? -1
      this.#seconds[to] = seconds[from] ?? 0
      this.#count++
    }
  }
}

function grown(places: number): number {
  return Math.max(PLACES_MIN, Math.ceil(places * GROWTH))
}
