import type Database from 'better-sqlite3'

/** A call into SQLite costs more than a row: so many rows go with one. */
const ROWS_PER_CALL = 16

type Field = string | number

/** Inserts rows of one table, many with one statement; to be used within a transaction, and flushed at its end. */
export class RowInsert {
  readonly #one: Database.Statement
  readonly #many: Database.Statement
  readonly #fields: number
  #waiting: Field[] = []

  /**
   * @param insert up to and with VALUES
   * @param fields of a row
   * @param onConflict what follows the rows
   */
  constructor(database: Database.Database, insert: string, fields: number, onConflict = '') {
    const row = `(${Array.from({ length: fields }, () => '?').join(', ')})`
    const rows = Array.from({ length: ROWS_PER_CALL }, () => row).join(', ')
    this.#one = database.prepare(`${insert} ${row} ${onConflict}`)
    this.#many = database.prepare(`${insert} ${rows} ${onConflict}`)
    this.#fields = fields
  }

  add(...row: Field[]): void {
    this.#waiting.push(...row)
    if (this.#waiting.length < this.#fields * ROWS_PER_CALL) return
    this.#many.run(this.#waiting)
    this.#waiting = []
  }

  flush(): void {
    for (let at = 0; at < this.#waiting.length; at += this.#fields) {
      this.#one.run(this.#waiting.slice(at, at + this.#fields))
    }
    this.#waiting = []
  }

  clear(): void {
    this.#waiting = []
  }
}
