import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Fails where that does not come about within the time. */
export async function until(what: string, condition: () => Promise<boolean> | boolean, forMs = 40_000): Promise<void> {
  const deadline = performance.now() + forMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited ${forMs} ms in vain: ${what}`)
    await sleep(100)
  }
}
