import * as fs from 'node:fs'

/** Of the descriptors that the process may have, the share for segment files: connections need the rest. */
const SEGMENT_FILES_SHARE = 0.5
const SEGMENT_FILES_MIN = 16

/**
 * How many segment files may be open at a time: what is configured, or less where the process is allowed few
 * descriptors. Files would else take all of them, and new connections be dropped by the system without an answer.
 */
export function openFilesLimit(configured: number, descriptors = descriptorLimit()): number {
  return Math.max(SEGMENT_FILES_MIN, Math.min(configured, Math.floor(descriptors * SEGMENT_FILES_SHARE)))
}

/** `RLIMIT_NOFILE` as the process has it (Node raises it to the hard limit); none known where there is no /proc. */
function descriptorLimit(): number {
  try {
    return parseLimits(fs.readFileSync('/proc/self/limits', 'latin1'))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

export function parseLimits(text: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}
