/** Of one block. */
export const BLOCK_BYTES = 72
/** Blocks are numbered from 1 on. */
export const NO_BLOCK = 0

const BLOCKS_PER_CHUNK = 4096
const WORD_BYTES = 4
const BLOCK_WORDS = BLOCK_BYTES / WORD_BYTES
/** Of a free block: its `next` is the next free one. */
const FREE = 0

/*
 * The beginning of every block:
 *
 *    0  next  uint32 (the machine's byte order)
 *    4  tag   uint8   what the block holds; 0 = it is free
 */
export const TAG_AT = 4

/** Small blocks of one size, in few buffers: a hundred thousand of them cost their bytes and nothing more. */
export class BlockPool {
  readonly #chunks: Buffer[] = []
  /** The same memory, in numbers of 32 bits. */
  readonly #words: Uint32Array[] = []
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
        const chunk = Buffer.allocUnsafeSlow(BLOCKS_PER_CHUNK * BLOCK_BYTES)
        this.#chunks.push(chunk)
        this.#words.push(new Uint32Array(chunk.buffer, chunk.byteOffset, chunk.length / WORD_BYTES))
      }
    } else this.#free = this.next(block)
    const words = this.#wordsOf(block)
    const first = firstWord(block)
    for (let word = first; word < first + BLOCK_WORDS; word++) words[word] = 0
    this.chunk(block)[this.at(block) + TAG_AT] = tag
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
    return this.#wordsOf(block)[firstWord(block)]!
  }

  setNext(block: number, next: number): void {
    this.#wordsOf(block)[firstWord(block)] = next
  }

  tag(block: number): number {
    return this.chunk(block)[this.at(block) + TAG_AT]!
  }

  /** The number of 32 bits at a multiple of 4, in the byte order of the machine. */
  word(block: number, at: number): number {
    return this.#wordsOf(block)[firstWord(block) + at / WORD_BYTES]!
  }

  setWord(block: number, at: number, value: number): void {
    this.#wordsOf(block)[firstWord(block) + at / WORD_BYTES] = value
  }

  #wordsOf(block: number): Uint32Array {
    return this.#words[Math.floor(block / BLOCKS_PER_CHUNK)]!
  }
}

function firstWord(block: number): number {
  return (block % BLOCKS_PER_CHUNK) * BLOCK_WORDS
}
