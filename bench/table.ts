import { isFigure, type Row } from './row.ts'

interface Column {
  readonly title: string
  readonly text: (row: Row) => string
}

function number(digits: number, value: (row: Row) => number | undefined): (row: Row) => string {
  return (row) =>
    value(row)?.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits }) ?? ''
}

function ratioText({ ratio }: Row): string {
  if (ratio === undefined) return ''
  const { median, lowest, highest, to } = ratio
  const range = lowest === highest ? '' : ` (${lowest.toFixed(2)}–${highest.toFixed(2)})`
  return `${median.toFixed(2)} × ${to}${range}`
}

function workText(row: Row): string {
  return isFigure(row) ? row.work : `**no figure:** ${row.work}`
}

function goalText(row: Row): string {
  if (row.mustReach === undefined) return ''
  const { goal, met } = row.mustReach
  const outcome = met ? 'met' : '**missed**'
  return `${goal}: ${isFigure(row) ? outcome : 'no figure'}`
}

const columns: readonly Column[] = [
  { title: 'work', text: workText },
  { title: 'partitions', text: number(0, (row) => row.partitions) },
  { title: 'requests/s', text: number(0, (row) => row.requestsPerSecond) },
  { title: '± %', text: number(0, (row) => row.spreadPercent) },
  { title: 'records/s', text: number(0, (row) => row.recordsPerSecond) },
  { title: 'MB/s', text: number(1, (row) => row.megabytesPerSecond) },
  { title: '× smaller', text: number(2, (row) => row.timesSmaller) },
  { title: 'p50 ms', text: number(2, (row) => row.p50Ms) },
  { title: 'p99 ms', text: number(2, (row) => row.p99Ms) },
  { title: 'max ms', text: number(1, (row) => row.maxMs) },
  { title: 'ratio', text: ratioText },
  { title: 'must reach', text: goalText },
  { title: 'server cores', text: number(2, (row) => row.serverCores) },
  { title: 'generator cores', text: number(2, (row) => row.generatorCores) },
  { title: 'main µs/request', text: number(1, (row) => row.mainThreadUs) },
  { title: 'server µs/request', text: number(1, (row) => row.serverUs) },
  { title: 'RSS MiB', text: number(0, (row) => row.rssMiB) },
  { title: 'ms', text: number(0, (row) => row.milliseconds) },
  { title: 'errors', text: number(0, (row) => row.errors) },
]

/** A Markdown table of the columns that any of the rows has, padded so that it reads well in a terminal too. */
export function renderTable(rows: readonly Row[]): string {
  const shown = columns.filter(({ text }) => rows.some((row) => text(row) !== ''))
  const cells = [shown.map(({ title }) => title), ...rows.map((row) => shown.map(({ text }) => text(row)))]
  const widths = shown.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0), 3))
  const lines = cells.map((line) => `| ${line.map((cell, index) => pad(cell, index, widths)).join(' | ')} |`)
  const rules = widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [lines[0], `| ${rules.join(' | ')} |`, ...lines.slice(1)].join('\n')
}

/** The first column is text, the others are numbers. */
function pad(cell: string, index: number, widths: readonly number[]): string {
  const width = widths[index] ?? 0
  return index === 0 ? cell.padEnd(width) : cell.padStart(width)
}
