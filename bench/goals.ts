import type { Row, Verdict } from './row.ts'

export type Goal = (row: Row) => Verdict

/** A rate that is a share of the one it is compared with. Without a ratio, as on a row beside a failed one, it is missed. */
export function atLeastRatio(lowest: number): Goal {
  return ({ ratio }) => ({
    goal: `≥ ${lowest.toFixed(1)} ×${ratio === undefined ? '' : ` ${ratio.to}`}`,
    met: (ratio?.median ?? 0) >= lowest,
  })
}

export function atLeastRecordsPerSecond(lowest: number): Goal {
  return ({ recordsPerSecond = 0 }) => ({
    goal: `≥ ${lowest.toLocaleString('en')} records/s`,
    met: recordsPerSecond >= lowest,
  })
}

export function atLeastMegabytesPerSecond(lowest: number): Goal {
  return ({ megabytesPerSecond = 0 }) => ({
    goal: `≥ ${lowest.toLocaleString('en')} MB/s`,
    met: megabytesPerSecond >= lowest,
  })
}

export function atMostLatency(p50Ms: number, p99Ms: number): Goal {
  return (row) => ({
    goal: `p50 ≤ ${p50Ms} ms, p99 ≤ ${p99Ms} ms`,
    met: (row.p50Ms ?? Infinity) <= p50Ms && (row.p99Ms ?? Infinity) <= p99Ms,
  })
}

export function atMostP99Latency(highestMs: number): Goal {
  return ({ p99Ms = Infinity }) => ({ goal: `p99 ≤ ${highestMs} ms`, met: p99Ms <= highestMs })
}

export function atMostMilliseconds(highest: number): Goal {
  return ({ milliseconds = Infinity }) => ({
    goal: `≤ ${highest.toLocaleString('en')} ms`,
    met: milliseconds <= highest,
  })
}

/** undefined where the system does not tell how much memory a process has. */
export function atMostRssMiB(highest: number): (row: Row) => Verdict | undefined {
  return ({ rssMiB }) => (rssMiB === undefined ? undefined : { goal: `≤ ${highest} MiB`, met: rssMiB <= highest })
}

/** The row with its verdict beside it; without a goal, the row as it is. */
export function judged(row: Row, goal: ((row: Row) => Verdict | undefined) | undefined): Row {
  return { ...row, mustReach: goal?.(row) }
}
