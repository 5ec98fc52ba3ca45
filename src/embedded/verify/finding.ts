/**
 * What a finding means for whoever keeps the data.
 *
 * `lost`: records, or what is known of requests, cannot be had back from this directory. `refused`: the server will not
 * start, or not serve this, until somebody acts. `rebuilt`: the server makes it good by itself. `harmless`: nothing that
 * the server goes by. `unfinished`: not damage at all but what a crash, a stop or a change under way leaves behind.
 */
export type Consequence = 'lost' | 'refused' | 'rebuilt' | 'harmless' | 'unfinished'

export const consequences: readonly Consequence[] = ['lost', 'refused', 'rebuilt', 'harmless', 'unfinished']

/** Which offsets of which partition; `to` is the first behind them. */
export interface FoundOffsets {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

export interface Finding {
  /** Absolute path. */
  readonly file: string
  /** The first byte concerned; absent where it is the file as such. */
  readonly position?: number
  /** Behind the last byte concerned. */
  readonly end?: number
  readonly offsets?: FoundOffsets
  readonly consequence: Consequence
  /** What is wrong. */
  readonly problem: string
  /** What it means. */
  readonly meaning: string
}

/** Told of each finding as it is made. */
export type FindingSink = (finding: Finding) => void

/** Whether it is damage, rather than what is allowed to lie about. */
export function isDamage({ consequence }: Finding): boolean {
  return consequence !== 'unfinished'
}
