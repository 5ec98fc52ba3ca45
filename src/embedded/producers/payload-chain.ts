import { BLOCK_BYTES, NO_BLOCK, TAG_AT, type BlockPool } from './block-pool.ts'

/** Of a block that goes on with what another block began. */
export const PAYLOAD_TAG = 3
const PAYLOAD_AT = TAG_AT + 1
/** What a block takes of a payload. */
export const PAYLOAD_BYTES = BLOCK_BYTES - PAYLOAD_AT

/** Bytes of any length in a chain of blocks. */
export class PayloadChains {
  readonly #pool: BlockPool
  #gathered = Buffer.alloc(1024)

  constructor(pool: BlockPool) {
    this.#pool = pool
  }

  /** Returns the first block, or NO_BLOCK where there are no bytes. */
  store(bytes: Buffer, length: number, from = 0): number {
    let first = NO_BLOCK
    // From the end on, so that each block knows the next.
    for (let left = length - from; left > 0;) {
      const size = left % PAYLOAD_BYTES || PAYLOAD_BYTES
      const block = this.#pool.allocate(PAYLOAD_TAG)
      bytes.copy(this.#pool.chunk(block), this.#pool.at(block) + PAYLOAD_AT, from + left - size, from + left)
      this.#pool.setNext(block, first)
      first = block
      left -= size
    }
    return first
  }

  free(first: number): void {
    for (let block = first; block !== NO_BLOCK;) {
      const next = this.#pool.next(block)
      this.#pool.free(block)
      block = next
    }
  }

  countOf(first: number): number {
    let count = 0
    for (let block = first; block !== NO_BLOCK; block = this.#pool.next(block)) count++
    return count
  }

  /** `head`, then the chain's bytes, one behind the other; valid until the next call. */
  gather(head: Buffer | undefined, first: number): Buffer {
    let length = head?.length ?? 0
    this.#makeRoom(length + this.countOf(first) * PAYLOAD_BYTES)
    if (head) this.#gathered.set(head, 0)
    for (let block = first; block !== NO_BLOCK; block = this.#pool.next(block)) {
      const at = this.#pool.at(block)
      this.#pool.chunk(block).copy(this.#gathered, length, at + PAYLOAD_AT, at + BLOCK_BYTES)
      length += PAYLOAD_BYTES
    }
    return this.#gathered.subarray(0, length)
  }

  #makeRoom(length: number): void {
    if (length > this.#gathered.length) this.#gathered = Buffer.alloc(length * 2)
  }
}
