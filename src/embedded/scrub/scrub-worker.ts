import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../broker/clock.ts'
import { IoThrottle } from '../cleaning/io-throttle.ts'
import { yieldToOtherThreads } from '../low-priority.ts'
import { errorCode, errorMessage } from '../startup-error.ts'
import {
  READ_WORD,
  STOP_WORD,
  type ScrubEnd,
  type ScrubJob,
  type ScrubRequest,
  type ScrubWorkerData,
} from './scrub-messages.ts'
import { scrubSegment } from './scrub-segment.ts'

// The thread that reads segments again: one at a time, no faster than it may.

class ScrubStopped extends Error {}

/** Of the process or the machine, not of the file: a later try finds them gone. */
const PASSING_CODES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'])

assert.ok(parentPort, 'runs as a worker thread')
const port = parentPort
const { bytesPerSecondMax, words }: ScrubWorkerData = workerData
const shared = new Int32Array(words)
const throttle = new IoThrottle({
  bytesPerSecondMax,
  clock: systemClock,
  sleep: (durationMs) => void Atomics.wait(shared, STOP_WORD, 0, durationMs),
})

yieldToOtherThreads()

port.on('message', (request: ScrubRequest) => {
  if (request.kind === 'close') return port.close()
  port.postMessage(scrub(request))
})

function scrub(job: ScrubJob): ScrubEnd {
  try {
    const damage = scrubSegment(job, (bytes, firstTime) => {
      Atomics.add(shared, READ_WORD, firstTime)
      throttle.took(bytes)
      if (Atomics.load(shared, STOP_WORD) !== 0) throw new ScrubStopped()
    })
    return { outcome: 'read', damage }
  } catch (error) {
    if (error instanceof ScrubStopped) return { outcome: 'stopped' }
    const code = errorCode(error) ?? ''
    if (code === 'ENOENT') return { outcome: 'gone' }
    return { outcome: PASSING_CODES.has(code) ? 'busy' : 'unreadable', reason: errorMessage(error) }
  }
}
