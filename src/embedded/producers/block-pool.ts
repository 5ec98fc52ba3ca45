/** Of one block. */
export const BLOCK_BYTES = 72
/** Blocks are numbered from 1 on. */
export const NO_BLOCK = 0

const BLOCKS_PER_CHUNK = 4096
/** Of a free block: its `next` is the next free one. */
const FREE = 0

/*
 * The beginning of every block:
 *
 *    0  next  uint32 (little-endian)
 *    4  tag   uint8   what the block holds; 0 = it is free
 */
export const TAG_AT = 4

/** Small blocks of one size, in few buffers: a hundred thousand of them cost their bytes and nothing more. */
export class BlockPool {
  readonly #chunks: Buffer[] = []
  #free = NO_BLOCK
  #end = 1
  #used = 0

  get used(): number {
    return this.#used
  }

  /** Beyond all numbers that are in use. */
  get end(): number {
    return this.#end
  }

  /** A block of zeros, but for its tag. */
  allocate(tag: number): number {
    let block = this.#free
    if (block === NO_BLOCK) {
      block = this.#end++
      if (block / BLOCKS_PER_CHUNK >= this.#chunks.length) {
        this.#chunks.push(Buffer.alloc(BLOCKS_PER_CHUNK * BLOCK_BYTES))
      }
    } else this.#free = this.next(block)
    const at = this.at(block)
    const chunk = this.chunk(block)
    chunk.fill(0, at, at + BLOCK_BYTES)
    chunk[at + TAG_AT] = tag
    this.#used++
    return block
  }

  free(block: number): void {
    this.setNext(block, this.#free)
    this.chunk(block)[this.at(block) + TAG_AT] = FREE
    this.#free = block
    this.#used--
  }

  /** The buffer that a block lies in. */
  chunk(block: number): Buffer {
    return this.#chunks[Math.floor(block / BLOCKS_PER_CHUNK)]!
  }

  /** Where in its buffer. */
  at(block: number): number {
    return (block % BLOCKS_PER_CHUNK) * BLOCK_BYTES
  }

  next(block: number): number {
    return this.chunk(block).readUInt32LE(this.at(block))
  }

  setNext(block: number, next: number): void {
    this.chunk(block).writeUInt32LE(next, this.at(block))
  }

  tag(block: number): number {
    return this.chunk(block)[this.at(block) + TAG_AT]!
  }
}
