import { ConcurrencyLimit } from './concurrency-limit.ts'

/** Few of the threads of libuv's pool: the others are for the disk, whose writes the answers wait for. */
const AT_ONCE = 2

/** Runs work of codecs on other threads, so much of it at the same time. */
export class CodecJobs extends ConcurrencyLimit {
  constructor(atOnce = AT_ONCE) {
    super(atOnce)
  }
}
