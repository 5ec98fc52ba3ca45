import { consequences, type Finding } from './embedded/verify/finding.ts'
import { damageCount, type VerifyReport } from './embedded/verify/verify-directories.ts'

const KIB = 1024

/** A finding in words: where, what is wrong, what it means. */
export function findingText(finding: Finding): string {
  const { file, consequence, problem, meaning } = finding
  const where = [file, placeText(finding), offsetsText(finding)].filter((part) => part !== '').join(', ')
  return `${consequence}: ${where}\n    ${problem}\n    ${meaning}`
}

function placeText({ position, end }: Finding): string {
  if (position === undefined) return ''
  return end === undefined || end === position ? `byte ${position}` : `bytes ${position} to ${end - 1}`
}

function offsetsText({ offsets }: Finding): string {
  if (!offsets) return ''
  const { topic, partition, from, to } = offsets
  // Where a log's end is not known there is no last offset.
  if (to > Number.MAX_SAFE_INTEGER - 1) return `${topic}-${partition} offsets from ${from} on`
  return from >= to - 1 ? `${topic}-${partition} offset ${from}` : `${topic}-${partition} offsets ${from} to ${to - 1}`
}

/** The same for machines; `lastOffset` and `lastByte` are the last ones concerned. */
export function findingLine({ file, position, end, offsets, consequence, problem, meaning }: Finding): string {
  return JSON.stringify({
    kind: 'finding',
    consequence,
    file,
    ...(position !== undefined && { firstByte: position }),
    ...(position !== undefined && end !== undefined && end > position && { lastByte: end - 1 }),
    ...(offsets && {
      topic: offsets.topic,
      partition: offsets.partition,
      firstOffset: offsets.from,
      lastOffset: offsets.to - 1,
    }),
    problem,
    meaning,
  })
}

export function summaryLine(report: VerifyReport, durationMs: number): string {
  const { readBytes, partitions, findings } = report
  const sound = damageCount(report) === 0
  return JSON.stringify({ kind: 'summary', sound, readBytes, partitions, durationMs: Math.round(durationMs), findings })
}

export function summaryText(report: VerifyReport, durationMs: number): string {
  const { readBytes, partitions, findings } = report
  const seconds = Math.max(durationMs, 1) / 1000
  const read =
    `${bytesText(readBytes)} of ${partitions} ${partitions === 1 ? 'partition' : 'partitions'} read in ` +
    `${seconds.toFixed(1)} s (${bytesText(readBytes / seconds)}/s)`
  const counts = consequences.flatMap((each) => (findings[each] > 0 ? [`${findings[each]} ${each}`] : []))
  const told = counts.length === 0 ? '' : `; ${counts.join(', ')}`
  return damageCount(report) === 0 ? `sound: ${read}${told}` : `damaged: ${read}${told}`
}

export function bytesText(bytes: number): string {
  if (bytes < KIB) return `${Math.round(bytes)} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes / KIB
  let place = 0
  while (value >= 1000 && place < units.length - 1) {
    value /= KIB
    place++
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[place]}`
}
