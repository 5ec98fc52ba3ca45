import type { TailBatch } from './partition-view.ts'

/** Whole batches, verified, in offset order; a buffer holds one or several, one behind the other. Not to be written to. */
export interface PartitionBatches {
  readonly batches: Buffer[]
  readonly bytes: number
  /** Where the next read begins: behind the last batch, else the offset asked for. */
  readonly nextOffset: number
  /** Frees the memory of the batches. */
  release(): void
}

/** A page as it grows. */
export class Page implements PartitionBatches {
  readonly batches: Buffer[] = []
  readonly maxBytes: number
  bytes = 0
  nextOffset: number
  full = false

  constructor(offset: number, maxBytes: number) {
    this.nextOffset = offset
    this.maxBytes = maxBytes
  }

  /** All of it was read or copied for this page alone. */
  release(): void {
    for (const { buffer } of this.batches) {
      if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0)
    }
    this.batches.length = 0
  }

  add(batches: readonly Buffer[], bytes: number, nextOffset: number): void {
    for (const batch of batches) this.batches.push(batch)
    this.bytes += bytes
    this.nextOffset = nextOffset
    if (this.bytes >= this.maxBytes) this.full = true
  }

  /** Ends the page with batches of the tail. Copies: the tail's own memory goes when a batch leaves it. */
  takeTail(tail: readonly TailBatch[], limitOffset: number): void {
    const taken: Buffer[] = []
    let bytes = 0
    let nextOffset = this.nextOffset
    for (let place = tailPlace(tail, this.nextOffset); ; place++) {
      const batch = tail[place]
      if (batch === undefined || batch.lastOffset >= limitOffset) break
      if (this.bytes + bytes > 0 && this.bytes + bytes + batch.bytes.length > this.maxBytes) break
      taken.push(batch.bytes)
      bytes += batch.bytes.length
      nextOffset = batch.lastOffset + 1
    }
    if (bytes > 0) this.add([joined(taken, bytes)], bytes, nextOffset)
    this.full = true
  }
}

/** In memory of their own, which can be freed. */
function joined(batches: readonly Buffer[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const batch of batches) {
    whole.set(batch, at)
    at += batch.length
  }
  return whole
}

/** Of the first batch whose last offset is at or above the offset. */
function tailPlace(tail: readonly TailBatch[], offset: number): number {
  let low = 0
  let high = tail.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((tail[middle]?.lastOffset ?? offset) < offset) low = middle + 1
    else high = middle
  }
  return low
}
