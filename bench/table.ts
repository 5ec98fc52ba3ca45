/** One line of the printed table; what does not apply is left out. */
export interface Row {
  readonly work: string
  readonly requestsPerSecond?: number
  readonly spreadPercent?: number
  readonly recordsPerSecond?: number
  readonly megabytesPerSecond?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  /** Against the no-op Fastify route, in the same run. */
  readonly ratio?: number
  /** Cores the server used. */
  readonly cpu?: number
  readonly rssMiB?: number
  readonly milliseconds?: number
  readonly errors?: number
}

interface Column {
  readonly title: string
  readonly text: (row: Row) => string
}

function number(digits: number, value: (row: Row) => number | undefined): (row: Row) => string {
  return (row) =>
    value(row)?.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits }) ?? ''
}

const columns: readonly Column[] = [
  { title: 'work', text: (row) => row.work },
  { title: 'requests/s', text: number(0, (row) => row.requestsPerSecond) },
  { title: '± %', text: number(0, (row) => row.spreadPercent) },
  { title: 'records/s', text: number(0, (row) => row.recordsPerSecond) },
  { title: 'MB/s', text: number(1, (row) => row.megabytesPerSecond) },
  { title: 'p50 ms', text: number(2, (row) => row.p50Ms) },
  { title: 'p99 ms', text: number(2, (row) => row.p99Ms) },
  { title: '× no-op', text: number(2, (row) => row.ratio) },
  { title: 'cores', text: number(2, (row) => row.cpu) },
  { title: 'RSS MiB', text: number(0, (row) => row.rssMiB) },
  { title: 'ms', text: number(0, (row) => row.milliseconds) },
  { title: 'errors', text: number(0, (row) => row.errors) },
]

/** A Markdown table, padded so that it reads well in a terminal too. */
export function renderTable(rows: readonly Row[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => text(row)))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0), 3))
  const lines = cells.map(
    (line) =>
      `| ${line.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0))).join(' | ')} |`,
  )
  const rule = `| ${widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
