import Database from 'better-sqlite3'
import * as fs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'

/*
 * A fault, planted with `--import` in front of the server: nothing is synced any more, and everything says that it was.
 * Only for the proof that the lanes would notice. Worker threads get it too.
 */

type Done = (error: null) => void

/** The module that can be changed; what was imported from it by name follows. */
const changeable: Record<string, unknown> = createRequire(import.meta.url)('node:fs')
const { openSync } = fs
const open = fs.open as (...given: unknown[]) => void
const withoutSync = (flags: unknown): unknown =>
  typeof flags === 'number' ? flags & ~(fs.constants.O_SYNC | fs.constants.O_DSYNC) : flags

changeable['fsync'] = changeable['fdatasync'] = (_descriptor: number, done: Done): void => process.nextTick(done, null)
changeable['fsyncSync'] = changeable['fdatasyncSync'] = (): void => undefined
changeable['open'] = (file: unknown, flags: unknown, ...rest: unknown[]): void =>
  open(file, withoutSync(flags), ...rest)
changeable['openSync'] = (file: string, flags: unknown, mode?: fs.Mode): number =>
  openSync(file, withoutSync(flags) as fs.OpenMode, mode)
syncBuiltinESMExports()

const asked = Reflect.get(Database.prototype, 'pragma')
Database.prototype.pragma = function (this: Database.Database, source: string, options?: Database.PragmaOptions) {
  if (source === 'synchronous = FULL') return asked.call(this, 'synchronous = OFF', options)
  // Asked for, it is what it should be.
  return source === 'synchronous' ? 2 : asked.call(this, source, options)
}
