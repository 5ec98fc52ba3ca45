/**
 * How much the crash lanes do: a number that CI can bear, a long form, or what the one who runs them asks for. The runner
 * (main.ts) sets the variables.
 */

const asked = wholeNumber('CRASH_CYCLES')
export const isLong = process.env['CRASH_LONG'] !== undefined && process.env['CRASH_LONG'] !== ''

/** Of everything that is random in a lane. Printed by each lane, so that a run can be made again. */
export const seed = wholeNumber('CRASH_SEED') ?? 1

export interface Cycles {
  readonly inCi: number
  readonly long: number
  /** Of the lane's cycles, where it has several kinds of them. */
  readonly share?: number
}

/** How many cycles, seeds or flips to do: never none. */
export function cyclesOf({ inCi, long: longForm, share = 1 }: Cycles): number {
  if (asked !== undefined) return Math.max(1, Math.round(asked * share))
  return isLong ? longForm : inCi
}

/** In CI a lane that cannot run fails; on a user's machine it is skipped, and says why. */
export function skipUnless(missing: string | undefined): string | false {
  if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
  return missing ?? false
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name]
  if (text === undefined || text === '') return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name} must be a whole number, not ${text}`)
  return number
}
