import * as fs from 'node:fs'
import { errorMessage } from '../startup-error.ts'
import { DatabaseCopy } from './database-copy.ts'
import type { FindingSink } from './finding.ts'
import { IndexRows, isIndexUnmarked } from './index-rows.ts'
import { checkWal } from './wal-check.ts'

export interface IndexCopyOptions {
  readonly checksIndex: boolean
  /** Where it is copied to. */
  readonly scratch: string
  readonly tell: FindingSink
  readonly onRead: (bytes: number, file: string) => void
}

export interface OpenedIndex {
  readonly rows: IndexRows
  readonly copy: DatabaseCopy
}

const BUILT_ANEW = 'the next start builds it from the segments, while the server answers'

/** A copy of a log directory's index, to hold its rows against segments; undefined where there is none that can serve. */
export function openIndexCopy(file: string, options: IndexCopyOptions): OpenedIndex | undefined {
  const { checksIndex, scratch, onRead, tell } = options
  if (!checksIndex || !fs.existsSync(file)) return undefined
  checkIndexWal(`${file}-wal`, tell)
  let copy: DatabaseCopy
  try {
    copy = new DatabaseCopy(file, scratch)
  } catch (error) {
    const problem = `it was not looked at, as it cannot be copied to ${scratch}: ${errorMessage(error)}`
    const meaning = 'set TMPDIR to a directory with more room, or leave the index out with --no-index'
    tell({ file, consequence: 'unfinished', problem, meaning })
    return undefined
  }
  onRead(copy.sizeBytes, file)
  const rows = soundRows(file, copy, tell)
  if (rows === undefined) copy.remove()
  return rows && { rows, copy }
}

function soundRows(file: string, copy: DatabaseCopy, tell: FindingSink): IndexRows | undefined {
  const tellDamage = (fault: string): void =>
    tell({ file, consequence: 'rebuilt', problem: `the database is damaged: ${fault}`, meaning: BUILT_ANEW })
  try {
    const rows = isIndexUnmarked(copy.path) ? undefined : new IndexRows(copy.path)
    const fault = rows?.fault()
    if (rows && fault === undefined && rows.isComplete) return rows
    rows?.close()
    const problem = 'it was being filled when the server ended'
    if (fault === undefined) tell({ file, consequence: 'unfinished', problem, meaning: BUILT_ANEW })
    else tellDamage(fault)
  } catch (error) {
    tellDamage(errorMessage(error))
  }
  return undefined
}

function checkIndexWal(file: string, tell: FindingSink): void {
  const damage = fs.existsSync(file) ? checkWal(fs.readFileSync(file)) : undefined
  if (!damage) return
  const { position, end, problem, isFollowed } = damage
  const meaning = 'the index lacks what comes behind: readers walk further for it'
  const consequence = isFollowed ? 'rebuilt' : 'unfinished'
  tell({ file, position, end, consequence, problem, meaning })
}
