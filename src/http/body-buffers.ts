/** Smaller bodies are cheap garbage. */
const POOLED_MIN_BYTES = 16 * 1024
const POOLED_MAX_BYTES = 1024 * 1024
/** Memory kept for bodies to come. */
const IDLE_MAX_BYTES = 8 * 1024 * 1024

/**
 * Buffers of request bodies, used again. Bodies of some hundred KiB at some hundred requests a second are the largest
 * garbage of the server: collected late, they would be most of its memory.
 *
 * A buffer has one owner at a time: from `gather` on its request, from `giveBack` on nobody. What is never given back is
 * left to the garbage collector.
 */
export class BodyBuffers {
  /** Idle slabs by their size, a power of two. */
  readonly #idle = new Map<number, ArrayBuffer[]>()
  /** All slabs there are; true = lent. */
  readonly #slabs = new WeakMap<ArrayBufferLike, boolean>()
  #idleBytes = 0

  /**
   * The chunks one behind the other, in a buffer of exactly their size; they are not used any more. A single chunk is the body as it is: Node copies
   * each out of the socket's buffer, so nobody else has it.
   */
  gather(chunks: readonly Buffer[], sizeBytes: number): Buffer {
    const [first] = chunks
    if (first !== undefined && chunks.length === 1) return first
    if (sizeBytes < POOLED_MIN_BYTES) return Buffer.concat(chunks, sizeBytes)
    if (sizeBytes > POOLED_MAX_BYTES) {
      const large = Buffer.concat(chunks, sizeBytes)
      for (const chunk of chunks) free(chunk)
      return large
    }
    const body = this.take(sizeBytes)
    let at = 0
    for (const chunk of chunks) {
      body.set(chunk, at)
      at += chunk.length
      free(chunk)
    }
    return body
  }

  /** A buffer of exactly this size, with whatever was in it before. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes > POOLED_MAX_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    const slab = this.#take(2 ** Math.ceil(Math.log2(Math.max(sizeBytes, POOLED_MIN_BYTES))))
    this.#slabs.set(slab, true)
    return Buffer.from(slab, 0, sizeBytes)
  }

  /** The request is answered: nothing refers to its body any more, whose memory is kept or freed. A second time has no effect. */
  giveBack(body: unknown): void {
    if (!Buffer.isBuffer(body) || !(body.buffer instanceof ArrayBuffer)) return
    const slab = body.buffer
    const isLent = this.#slabs.get(slab)
    if (isLent === undefined) return free(body)
    if (!isLent) return
    this.#slabs.set(slab, false)
    if (this.#idleBytes + slab.byteLength > IDLE_MAX_BYTES) return
    this.#idleBytes += slab.byteLength
    const same = this.#idle.get(slab.byteLength)
    if (same) same.push(slab)
    else this.#idle.set(slab.byteLength, [slab])
  }

  #take(slabBytes: number): ArrayBuffer {
    const slab = this.#idle.get(slabBytes)?.pop()
    if (slab === undefined) return new ArrayBuffer(slabBytes)
    this.#idleBytes -= slabBytes
    return slab
  }
}

/**
 * Frees memory that nobody uses any more, instead of leaving it to the collector: some hundred MB/s of it would make the
 * collector run ten times a second. Whoever reads it all the same finds it empty.
 */
function free({ buffer, byteLength }: Buffer): void {
  if (byteLength < POOLED_MIN_BYTES || buffer.byteLength !== byteLength) return
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
