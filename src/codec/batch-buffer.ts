/** Larger batches get memory of their own. */
const SLABBED_MAX_BYTES = 128 * 1024
const SLAB_BYTES = 1024 * 1024
const ALIGNMENT_BYTES = 8

interface Slab {
  readonly bytes: Buffer
  /** Batches made in it that were not released. */
  live: number
}

const slabs = new WeakMap<ArrayBufferLike, Slab>()
let current = newSlab()
let used = 0

/**
 * Memory for a batch, not cleared. Batches go to a slab in the order in which they are made, and the log gives them up
 * in about the same order, so whole slabs are freed. Each on its own in the allocator's heap, between request bodies that
 * come and go, they would leave holes that cost more than the batches themselves.
 */
export function allocateBatch(sizeBytes: number): Buffer {
  if (sizeBytes > SLABBED_MAX_BYTES) return slice(newSlab(sizeBytes), 0, sizeBytes)
  if (used + sizeBytes > SLAB_BYTES) {
    const full = current
    current = newSlab()
    used = 0
    freeIfUnused(full)
  }
  const start = used
  used += Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
  return slice(current, start, sizeBytes)
}

/**
 * The batch is not used any more, by anybody: its memory may go at once, instead of when the collector finds it. Whoever
 * reads it all the same finds it empty. At most once for each batch; one that is never released is collected.
 */
export function releaseBatch(batch: Buffer): void {
  const slab = slabs.get(batch.buffer)
  if (slab === undefined) return
  slab.live--
  if (slab !== current) freeIfUnused(slab)
}

function newSlab(sizeBytes = SLAB_BYTES): Slab {
  const slab = { bytes: Buffer.allocUnsafeSlow(sizeBytes), live: 0 }
  slabs.set(slab.bytes.buffer, slab)
  return slab
}

function slice(slab: Slab, start: number, sizeBytes: number): Buffer {
  slab.live++
  return slab.bytes.subarray(start, start + sizeBytes)
}

function freeIfUnused({ bytes, live }: Slab): void {
  if (live === 0 && bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0)
}
