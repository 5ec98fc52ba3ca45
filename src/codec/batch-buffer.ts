/** Below this a slice of Node's shared slab is several times cheaper than memory of its own. */
const POOLED_BELOW_BYTES = 4096

/**
 * Memory for a batch, not cleared. Batches live as long as the log keeps its tail in memory; one that is not small gets
 * memory of its own, so that it never holds a slab in which nothing else is used any more.
 */
export function allocateBatch(sizeBytes: number): Buffer {
  return sizeBytes < POOLED_BELOW_BYTES ? Buffer.allocUnsafe(sizeBytes) : Buffer.allocUnsafeSlow(sizeBytes)
}
