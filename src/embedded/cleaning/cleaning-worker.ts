import assert from 'node:assert/strict'
import * as os from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../broker/clock.ts'
import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { isDiskFull, isOutOfDescriptors } from '../log/storage-failure.ts'
import { errorCode, errorMessage } from '../startup-error.ts'
import { batchCompression } from './batch-compression.ts'
import { cleanLog, CleaningStopped, NoRoomToCleanError } from './clean-log.ts'
import type {
  CleaningEnd,
  CleaningJob,
  CleaningReply,
  CleaningRequest,
  CleaningWorkerData,
} from './cleaning-messages.ts'
import { IoThrottle } from './io-throttle.ts'
import { OffsetMap } from './offset-map.ts'
import { DamagedSegmentError } from './segment-batches.ts'

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

/** Publishing and reading come first. On Linux a priority is that of the thread which sets it. */
function yieldToOtherThreads(): void {
  if (process.platform !== 'linux') return
  try {
    os.setPriority(os.constants.priority.PRIORITY_LOW)
  } catch {
    // A wish, no more.
  }
}

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
    end(endOf(error))
  }
}

function end(outcome: CleaningEnd): void {
  round?.return(undefined)
  round = undefined
  send({ kind: 'end', ...outcome })
}

function endOf(error: unknown): CleaningEnd {
  const reason = errorMessage(error)
  // A file that is gone: its topic was deleted, or retention was quicker.
  if (error instanceof CleaningStopped || errorCode(error) === 'ENOENT') return { outcome: 'abandoned' }
  if (error instanceof NoRoomToCleanError || isDiskFull(error)) return { outcome: 'disk-full', reason }
  if (error instanceof DamagedSegmentError) {
    return { outcome: 'damaged', segmentBaseOffset: error.segmentBaseOffset, reason }
  }
  return {
    outcome: 'failed',
    passes: isOutOfDescriptors(error),
    reason: error instanceof CorruptBatchError ? `a record does not parse: ${reason}` : reason,
  }
}
