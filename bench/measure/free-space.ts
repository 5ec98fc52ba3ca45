import { statfsSync, statSync } from 'node:fs'
import { BATCHES_TYPE, type BodySet } from '../bodies.ts'
import type { Load } from '../load/load.ts'
import { sum } from './statistics.ts'

export const GIB = 1024 ** 3
/** What is written besides what is counted: journals, indexes, profiles. */
const SLACK_GIB = 2
/** What a fast machine writes at most in a second of load. A no-op route is counted too, which is on the safe side. */
const JSON_GIB_PER_SECOND = 0.2
const BATCHES_GIB_PER_SECOND = 0.6
const REQUESTS_PER_SECOND = 60_000

/** How much these loads may write if each is applied for so many seconds; reading writes nothing. */
export function gibWrittenBy(loads: readonly Load[], seconds: number): number {
  return sum(loads.map(({ bodies }) => (bodies === undefined ? 0 : seconds * gibPerSecond(bodies))))
}

function gibPerSecond({ files: [file = ''], contentType }: BodySet): number {
  const limit = contentType === BATCHES_TYPE ? BATCHES_GIB_PER_SECOND : JSON_GIB_PER_SECOND
  return Math.min(limit, (REQUESTS_PER_SECOND * statSync(file).size) / GIB)
}

/** Throws, before anything is written, where the file system of the folder has no room for so much. */
export function assertFreeSpace(folder: string, gib: number): void {
  const { bavail, bsize } = statfsSync(folder)
  const freeGib = (bavail * bsize) / GIB
  const neededGib = gib + SLACK_GIB
  if (freeGib >= neededGib) return
  throw new Error(
    `${folder} has ${freeGib.toFixed(1)} GiB free, up to ${neededGib.toFixed(1)} GiB are needed: ` +
      'choose another --dir, or fewer --repeats, --seconds or --log-gib',
  )
}
