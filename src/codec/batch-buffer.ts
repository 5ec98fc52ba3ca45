/** Larger batches get memory of their own. */
const SLABBED_MAX_BYTES = 128 * 1024
const SLAB_BYTES = 1024 * 1024
const ALIGNMENT_BYTES = 8

let slab = Buffer.alloc(0)
let used = 0

/**
 * Memory for a batch, not cleared. Batches go to a slab in the order in which they are made, and the log gives them up
 * in about the same order, so whole slabs are freed. Each on its own in the allocator's heap, between request bodies that
 * come and go, they would leave holes that cost more than the batches themselves.
 */
export function allocateBatch(sizeBytes: number): Buffer {
  if (sizeBytes > SLABBED_MAX_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
  if (used + sizeBytes > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    used = 0
  }
  const start = used
  used += Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
  return slab.subarray(start, start + sizeBytes)
}
