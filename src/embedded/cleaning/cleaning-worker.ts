import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../broker/clock.ts'
import { yieldToOtherThreads } from '../low-priority.ts'
import { batchCompression } from './batch-compression.ts'
import { cleanLog, CleaningStopped } from './clean-log.ts'
import { cleaningEndOf } from './cleaning-end.ts'
import type {
  CleaningEnd,
  CleaningJob,
  CleaningReply,
  CleaningRequest,
  CleaningWorkerData,
} from './cleaning-messages.ts'
import { IoThrottle } from './io-throttle.ts'
import { OffsetMap } from './offset-map.ts'

// The thread that compacts: one round at a time, each group of segments only when the one before is in force.

assert.ok(parentPort, 'runs as a worker thread')
const port = parentPort
const { secret, dedupeBytes, loadFactor, ioBufferBytes, ioBytesPerSecondMax, stop }: CleaningWorkerData = workerData
const stopWord = new Int32Array(stop)
const throttle = new IoThrottle({
  bytesPerSecondMax: ioBytesPerSecondMax,
  clock: systemClock,
  sleep: (durationMs) => void Atomics.wait(stopWord, 0, 0, durationMs),
})
let round: ReturnType<typeof cleanLog> | undefined
let beganMs = 0

const send = (reply: CleaningReply): void => port.postMessage(reply)

yieldToOtherThreads()
send({ kind: 'ready' })

port.on('message', (request: CleaningRequest) => {
  switch (request.kind) {
    case 'clean':
      begin(request)
      return proceed()
    case 'proceed':
      return proceed()
    case 'abandon':
      return end({ outcome: 'abandoned' })
    case 'close':
      return port.close()
  }
})

function begin(job: CleaningJob): void {
  beganMs = systemClock.monotonic()
  round = cleanLog(job, {
    map: new OffsetMap({ secret, maxBytes: dedupeBytes, loadFactor }),
    compression: batchCompression,
    ioBufferBytes,
    onIo: (bytes) => {
      throttle.took(bytes)
      if (Atomics.load(stopWord, 0) !== 0) throw new CleaningStopped()
    },
  })
}

/** Cleans the next group. */
function proceed(): void {
  if (!round) return
  try {
    const step = round.next()
    if (!step.done) return send({ kind: 'group', group: step.value })
    if (!step.value) return end({ outcome: 'abandoned' })
    end({ outcome: 'cleaned', figures: { ...step.value, durationMs: systemClock.monotonic() - beganMs } })
  } catch (error) {
    end(cleaningEndOf(error))
  }
}

function end(outcome: CleaningEnd): void {
  round?.return(undefined)
  round = undefined
  send({ kind: 'end', ...outcome })
}
