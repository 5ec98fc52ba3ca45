import * as path from 'node:path'

const DIGITS = 20
const LOG_SUFFIX = '.log'

/**
 * Names of a segment's file beside its final one. `cleaned`: being written; `swap`: whole and synced, in force once a
 * checkpoint names its generation; `deleted`: out of the log, kept for reads under way.
 */
export type PassingName = 'cleaned' | 'swap' | 'deleted'

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

/** `00000000000000000042.3.log.swap`: what is or was the segment's third generation. */
export function passingSegmentPath(
  partitionDirectory: string,
  { baseOffset, generation }: SegmentIdentity,
  name: PassingName,
): string {
  const digits = String(baseOffset).padStart(DIGITS, '0')
  return path.join(partitionDirectory, `${digits}.${generation}${LOG_SUFFIX}.${name}`)
}

export interface SegmentIdentity {
  readonly baseOffset: number
  readonly generation: number
}

/** Undefined for every other file. */
export function parsePassingName(fileName: string): (SegmentIdentity & { readonly name: PassingName }) | undefined {
  const parts = /^(\d{20})\.(\d{1,15})\.log\.(cleaned|swap|deleted)$/.exec(fileName)
  if (!parts) return undefined
  const [, digits, generation, name] = parts
  const baseOffset = Number(digits)
  if (!Number.isSafeInteger(baseOffset)) return undefined
  return { baseOffset, generation: Number(generation), name: name === 'cleaned' || name === 'swap' ? name : 'deleted' }
}
