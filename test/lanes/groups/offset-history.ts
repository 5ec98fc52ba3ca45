interface Point {
  readonly at: number
  readonly offset: number
}

/** The highest offset that had been seen by a moment. */
export class OffsetHistory {
  readonly #points: Point[] = []
  #sorted = true

  add(at: number, offset: number): void {
    this.#points.push({ at, offset })
    this.#sorted = false
  }

  /** −1 where there was none before that moment. */
  highestBefore(at: number): number {
    this.#sort()
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#points[middle]?.at ?? Infinity) < at) low = middle + 1
      else high = middle
    }
    return this.#points[low - 1]?.offset ?? -1
  }

  #sort(): void {
    if (this.#sorted) return
    this.#points.sort((a, b) => a.at - b.at)
    let highest = -1
    for (const [index, { at, offset }] of this.#points.entries()) {
      highest = Math.max(highest, offset)
      this.#points[index] = { at, offset: highest }
    }
    this.#sorted = true
  }
}
