import * as path from 'node:path'

const DIGITS = 20
const LOG_SUFFIX = '.log'

/** `00000000000000000042.log`: Kafka's name of the segment whose first offset is 42. */
export function segmentFileName(baseOffset: number): string {
  return String(baseOffset).padStart(DIGITS, '0') + LOG_SUFFIX
}

export function segmentPath(partitionDirectory: string, baseOffset: number): string {
  return path.join(partitionDirectory, segmentFileName(baseOffset))
}

/** Undefined for every file that is not a segment under its final name. */
export function parseSegmentFileName(fileName: string): number | undefined {
  if (!/^\d{20}\.log$/.test(fileName)) return undefined
  const baseOffset = Number(fileName.slice(0, DIGITS))
  return Number.isSafeInteger(baseOffset) ? baseOffset : undefined
}
