import type { FastifyReply } from 'fastify'
import { sendJson } from './raw-reply.ts'

const SMALLEST_BYTES = 4 * 1024
const LARGEST_BYTES = 1024 * 1024
/** Memory kept for replies to come. */
const IDLE_MAX_BYTES = 4 * 1024 * 1024

/**
 * Memory that replies are written to, used again. As text a reply would be three strings on its way to the socket, all
 * garbage.
 *
 * One owner at a time: from `take` on its request, from `sendJson` on the connection, until it has taken all of it. What
 * a connection that closes before leaves behind is collected.
 */
export class ReplyBuffers {
  /** By size, a power of two. */
  readonly #idle = new Map<number, ReplyBuffer[]>()
  #idleBytes = 0

  /** At least so large; holds whatever was in it before. */
  take(neededBytes: number): ReplyBuffer {
    const sizeBytes =
      neededBytes > LARGEST_BYTES ? neededBytes : 2 ** Math.ceil(Math.log2(Math.max(neededBytes, SMALLEST_BYTES)))
    const idle = this.#idle.get(sizeBytes)?.pop()
    if (idle === undefined) return new ReplyBuffer(sizeBytes)
    this.#idleBytes -= sizeBytes
    return idle
  }

  /** Sends the first so many bytes, which are JSON. */
  sendJson(reply: FastifyReply, buffer: ReplyBuffer, sizeBytes: number): void {
    // Behind `finish` the kernel has the bytes; behind `close` alone a write may still be under way.
    reply.raw.on('finish', () => this.#giveBack(buffer))
    sendJson(reply, buffer.bytes.subarray(0, sizeBytes))
  }

  #giveBack(buffer: ReplyBuffer): void {
    const { length } = buffer.bytes
    if (length > LARGEST_BYTES || this.#idleBytes + length > IDLE_MAX_BYTES) return
    this.#idleBytes += length
    const same = this.#idle.get(length)
    if (same) same.push(buffer)
    else this.#idle.set(length, [buffer])
  }
}

export class ReplyBuffer {
  readonly bytes: Buffer
  readonly view: DataView

  constructor(sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.view = new DataView(this.bytes.buffer)
  }
}
