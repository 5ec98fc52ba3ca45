export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The median where every value is known; undefined where one is not. */
export function medianKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === values.length ? median(known) : undefined
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** From the lowest to the highest, as a percentage of the median. */
export function spreadPercent(values: readonly number[]): number {
  const middle = median(values)
  return middle === 0 ? 0 : ((Math.max(...values) - Math.min(...values)) / middle) * 100
}

export interface Ratio {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  /** What it is a ratio to. */
  readonly to: string
}

/**
 * The ratio of neighbours: value i of ours to value i of theirs, which were measured right after each other, so that a
 * machine that is slow for a minute is slow for both.
 */
export function ratioOfNeighbours(ours: readonly number[], theirs: readonly number[], to: string): Ratio {
  const ratios = ours.flatMap((value, index) => {
    const other = theirs[index]
    return other === undefined || other === 0 ? [] : [value / other]
  })
  if (ratios.length === 0) return { median: 0, lowest: 0, highest: 0, to }
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios), to }
}

/** Adds where every value is known; undefined where one is not. */
export function sumKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === values.length ? sum(known) : undefined
}
