import * as fs from 'node:fs'
import Database from 'better-sqlite3'
import { requireSqliteVersion } from '../sqlite-version.ts'
import { migrate } from '../sqlite-migrations.ts'
import { errorMessage, StartupError } from '../startup-error.ts'
import type { CatalogueChange, CatalogueState, CatalogueTopic } from './catalogue-state.ts'
import { readState } from './catalogue-rows.ts'

/** `PHcT`: tells a catalogue from any other SQLite file. */
export const CATALOGUE_APPLICATION_ID = 0x50486354
const MIGRATIONS = new URL('../../../migrations/catalogue/', import.meta.url)
/** PRAGMA synchronous: a commit survives a power cut only with this. */
const SYNCHRONOUS_FULL = 2

/**
 * `catalogue.db`: which topics there are, and which directory holds which partition. Nothing else can say so, hence
 * `synchronous=FULL`: a change is on stable storage when `apply` returns.
 *
 * Blocks on the disk: runs in `catalogue-worker.ts`, and on the main thread only in `posthorn repair` and tests.
 */
export class CatalogueDatabase {
  readonly #database: Database.Database

  private constructor(database: Database.Database) {
    this.#database = database
  }

  /** Throws StartupError, with the file as it was, if it is missing, damaged, newer or somebody else's. */
  static open(file: string): CatalogueDatabase {
    if (!fs.existsSync(file)) throw damagedCatalogue(file, 'it is missing')
    return opened(file, (database) => {
      const applicationId = database.pragma('application_id', { simple: true })
      if (applicationId !== CATALOGUE_APPLICATION_ID)
        throw damagedCatalogue(file, `its application_id is ${String(applicationId)}`)
      const found = database.pragma('integrity_check', { simple: true })
      if (found !== 'ok') throw damagedCatalogue(file, String(found))
      return CatalogueDatabase.#prepared(database)
    })
  }

  /** Makes a new one that holds `state`, in one transaction; an unfinished earlier attempt at the path is removed. */
  static create(file: string, state: CatalogueState): CatalogueDatabase {
    for (const suffix of ['', '-journal', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
    return opened(file, (database) => {
      database.pragma(`application_id = ${CATALOGUE_APPLICATION_ID}`)
      const catalogue = CatalogueDatabase.#prepared(database)
      catalogue.#fill(state)
      return catalogue
    })
  }

  static #prepared(database: Database.Database): CatalogueDatabase {
    migrate(database, MIGRATIONS)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    const synchronous = database.pragma('synchronous', { simple: true })
    if (synchronous !== SYNCHRONOUS_FULL) throw new Error(`synchronous is ${String(synchronous)}, not FULL`)
    return new CatalogueDatabase(database)
  }

  state(): CatalogueState {
    return readState(this.#database)
  }

  /** Throws what SQLite throws; then nothing of the change is there, unless it was an I/O error of the commit itself. */
  apply(change: CatalogueChange): void {
    this.#database.transaction(() => {
      this.#write(change)
      this.#run('UPDATE cluster SET generation = generation + 1')
    })()
  }

  close(): void {
    this.#database.close()
  }

  #fill(state: CatalogueState): void {
    this.#database.transaction(() => {
      this.#run('INSERT INTO cluster VALUES (1, ?, ?, ?)', state.clusterId, state.generation, state.rebuiltMs ?? null)
      for (const directory of state.directories) this.#write({ kind: 'directory', directory })
      for (const topic of state.topics) this.#write({ kind: 'topic', topic })
    })()
  }

  #write(change: CatalogueChange): void {
    switch (change.kind) {
      case 'directory':
        this.#run(
          'INSERT INTO directories VALUES (?, ?) ON CONFLICT DO UPDATE SET path = excluded.path',
          change.directory.directoryId,
          change.directory.path,
        )
        break
      case 'topic':
        this.#insertTopic(change.topic)
        break
      case 'topic-state':
        this.#run('UPDATE topics SET state = ? WHERE topic_id = ?', change.state, change.topicId)
        break
      case 'topic-configs':
        this.#run('UPDATE topics SET configs = ? WHERE topic_id = ?', JSON.stringify(change.configs), change.topicId)
        break
      case 'partitions':
        this.#insertPartitions(change.topicId, change.partitions)
        break
      case 'log-start':
        this.#run(
          'UPDATE partitions SET log_start_offset = ? WHERE topic_id = ? AND partition = ?',
          change.logStartOffset,
          change.topicId,
          change.partition,
        )
        break
      case 'confirmed':
        this.#run('UPDATE cluster SET rebuilt_ms = NULL')
        break
      case 'topic-gone':
        this.#run('DELETE FROM topics WHERE topic_id = ?', change.topicId)
    }
  }

  #insertTopic(topic: CatalogueTopic): void {
    this.#run(
      'INSERT INTO topics VALUES (?, ?, ?, ?, ?)',
      topic.topicId,
      topic.name,
      topic.state,
      topic.internal ? 1 : 0,
      JSON.stringify(topic.configs),
    )
    this.#insertPartitions(topic.topicId, topic.partitions)
  }

  #insertPartitions(topicId: string, partitions: CatalogueTopic['partitions']): void {
    const row = this.#database.prepare('SELECT count(*) AS count FROM partitions WHERE topic_id = ?')
    const present = Number(row.pluck().get(topicId))
    const insert = this.#database.prepare('INSERT INTO partitions VALUES (?, ?, ?, ?)')
    for (const [index, { directoryId, logStartOffset }] of partitions.entries()) {
      insert.run(topicId, present + index, directoryId, logStartOffset)
    }
  }

  #run(sql: string, ...values: readonly (string | number | null)[]): void {
    this.#database.prepare(sql).run(...values)
  }
}

/** Runs the steps of opening; on any failure closes the file, and says what SQLite found in the operator's words. */
function opened(file: string, steps: (database: Database.Database) => CatalogueDatabase): CatalogueDatabase {
  let database: Database.Database | undefined
  try {
    requireSqliteVersion()
    database = new Database(file)
    return steps(database)
  } catch (error) {
    database?.close()
    if (isDamage(error)) throw damagedCatalogue(file, errorMessage(error), error)
    throw error
  }
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return error instanceof SyntaxError
  return /^SQLITE_(CORRUPT|NOTADB|ERROR|FORMAT)/.test(error.code)
}

/** For an operator: what is wrong with the file, and the command that mends it. */
export function damagedCatalogue(file: string, finding: string, cause?: unknown): StartupError {
  return new StartupError(
    `The catalogue ${file} is damaged: ${finding}. Nothing was touched. Run 'posthorn repair' with the same ` +
      `configuration: it puts the damaged file aside and rebuilds the catalogue from the newest valid ` +
      `catalogue.snapshot of the log directories, or, where there is none, from the directories themselves.`,
    { cause },
  )
}
