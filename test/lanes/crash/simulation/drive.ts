import assert from 'node:assert/strict'
import type { FakeClock } from '../../../support/fake-clock.ts'
import type { PacedDisk } from './paced-disk.ts'
import type { World } from './world.ts'

/** A server on its disk, and its clients. */
export interface Driven {
  readonly world: World
  readonly disk: PacedDisk
  readonly clock: FakeClock
}

/** With nothing going on for so long, in turns, time goes on. */
const QUIET_TURNS = 8
const TICK_MS = 50
/** In virtual time: whoever is not answered by then hangs. */
const PATIENCE_MS = 120_000

/** One turn of the event loop, in which calls to the disk take effect. */
export async function turn({ disk, world }: Driven): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  disk.step()
  world.check()
}

/** Turns until it is settled, or the crash is there: then undefined. Time goes on where nothing else does. */
export async function drive<T>(work: Promise<T>, what: string, driven: Driven): Promise<T | undefined> {
  const { disk, clock } = driven
  const outcome: { result?: { readonly value: T } | { readonly error: unknown } } = {}
  work.then(
    (value) => (outcome.result = { value }),
    (error: unknown) => (outcome.result = { error }),
  )
  const patience = clock.monotonic() + PATIENCE_MS
  for (let quiet = 0; outcome.result === undefined && !disk.survivor;) {
    quiet = disk.isIdle ? quiet + 1 : 0
    await turn(driven)
    if (quiet < QUIET_TURNS) continue
    assert.ok(clock.monotonic() < patience, `${what} hangs`)
    clock.advance(TICK_MS)
  }
  const { result } = outcome
  if (result === undefined || disk.survivor) return undefined
  if ('error' in result) throw result.error
  return result.value
}
