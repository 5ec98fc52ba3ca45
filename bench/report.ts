import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Machine } from './measure/machine.ts'
import { isFigure, type Row } from './row.ts'
import { renderTable } from './table.ts'

export interface PartResult {
  readonly part: string
  readonly seconds: number
  readonly rows: readonly Row[]
  /** Why the part ended before its end; its rows up to there are true. */
  readonly failure?: string
}

export interface RunDescription {
  readonly command: string
  readonly began: string
  readonly machine: Machine
  readonly generator: string
  /** How the server was started. */
  readonly serverCommand: string
  readonly quick: boolean
  readonly profiled: boolean
}

/** All parts came to their end, and no request of theirs failed. What a row must reach is not asked here. */
export function allAreFigures(results: readonly PartResult[]): boolean {
  return results.every(({ rows, failure }) => failure === undefined && rows.every(isFigure))
}

/** What stands above the tables, as Markdown. */
export function renderDescription({
  command,
  began,
  machine,
  generator,
  serverCommand,
  quick,
  profiled,
}: RunDescription): string {
  const { processors, memoryGiB, system, node, storage } = machine
  const lines = [
    `${processors}, ${memoryGiB} GiB, ${system}, Node ${node}; data on ${storage}.`,
    `\`${command}\`, ${began}; load by ${generator}, on the same machine; server: \`${serverCommand}\`, no-op: plain \`node\`.`,
  ]
  if (machine.storageIsMemory)
    lines.push('**The data is in memory, not on a disk: syncs are free here.** Name a folder on a disk with `--dir`.')
  if (quick) lines.push('**A quick run**: too short for figures to rely on.')
  if (profiled) lines.push('**Posthorn was profiled meanwhile**, which slows it: take figures from a run without.')
  return lines.join('\n')
}

export function renderPart({ part, seconds, rows, failure }: PartResult): string {
  const table = rows.length === 0 ? '' : `\n${renderTable(rows)}\n`
  const trouble = failure === undefined ? '' : `\nThis part failed:\n\n\`\`\`\n${failure.trimEnd()}\n\`\`\`\n`
  return `### ${part} (${seconds} s)\n${table}${trouble}`
}

export function writeJson(file: string, run: RunDescription, parts: readonly PartResult[], tookSeconds: number): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ ...run, tookSeconds, parts }, null, 2)}\n`)
}
