import * as fs from 'node:fs'
import * as path from 'node:path'

/**
 * A copy of a SQLite database with its write-ahead log: opening the database itself would write beside it, and may bring
 * the log into it.
 */
export class DatabaseCopy {
  readonly path: string
  readonly sizeBytes: number
  readonly #directory: string

  /** @param scratch where the copy is put, in a directory of its own */
  constructor(database: string, scratch: string) {
    this.#directory = fs.mkdtempSync(path.join(scratch, 'posthorn-verify-'))
    this.path = path.join(this.#directory, path.basename(database))
    let sizeBytes = 0
    try {
      for (const suffix of ['', '-wal']) {
        if (!fs.existsSync(database + suffix)) continue
        fs.copyFileSync(database + suffix, this.path + suffix, fs.constants.COPYFILE_FICLONE)
        fs.chmodSync(this.path + suffix, 0o600)
        sizeBytes += fs.statSync(this.path + suffix).size
      }
    } catch (error) {
      this.remove()
      throw error
    }
    this.sizeBytes = sizeBytes
  }

  remove(): void {
    fs.rmSync(this.#directory, { recursive: true, force: true })
  }
}
