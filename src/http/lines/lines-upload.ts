import { setImmediate as nextTurn } from 'node:timers/promises'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { PublishOptions, PublishService } from '../../broker/publish-service.ts'
import type { BodyHolder } from '../body-admission.ts'
import type { HttpLoad } from '../http-load.ts'
import { LINE_FEED } from '../json/json-bytes.ts'
import { LineRecordsReader } from '../json/line-records-reader.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { LATE, type BodyPieces } from './body-pieces.ts'
import { GroupsUnderWay } from './groups-under-way.ts'
import { GROUP_MAX_BYTES, GROUP_MAX_RECORDS, LineGroup, type LineMemory } from './line-group.ts'
import { LinesProgress, type GroupOutcome, type LinesResult } from './lines-progress.ts'

/** Lines wait so long for others to be published with, as in Kafka's producer. */
export const LINGER_MS = 5
/** What the columns of a full group take. */
const GROUP_COLUMNS_BYTES = 48 * 1024

export interface LinesUploadDependencies {
  readonly publish: Pick<PublishService, 'publish'>
  readonly load: Pick<HttpLoad, 'bodies' | 'publishTurns'>
  readonly memory: LineMemory
  readonly clock: Clock
}

export interface LinesRequest {
  readonly topic: string
  readonly formats: RecordFormats
  readonly publishOptions: PublishOptions
  /** `request.max.bytes` */
  readonly maxLineBytes: number
  /** `record.max.headers` */
  readonly maxHeaders: number
}

/** Where results go while the stream goes on. */
export interface ResultSink {
  /** Resolves when there is room for more, or nobody who wants it. */
  room(): Promise<void>
  result(result: LinesResult): void
}

/**
 * Publishes a stream of lines, whatever its length: cuts it into groups, and has a bounded number of them stored at a time,
 * in order. Meanwhile the connection is held back.
 *
 * Whatever ends the stream before its time, the lines that came before are stored.
 */
export class LinesUpload {
  readonly #deps: LinesUploadDependencies
  readonly #request: LinesRequest
  readonly #pieces: BodyPieces
  readonly #sink: ResultSink | undefined
  readonly #reader: LineRecordsReader
  readonly #underWay = new GroupsUnderWay((group, outcome) => this.#settled(group, outcome))
  readonly #progress = new LinesProgress()
  /** What all groups hold; the request itself holds nothing. */
  readonly #holder: BodyHolder = { heldBytes: 0, madeBytes: 0 }
  #group: LineGroup
  #groupBeganAt = 0
  #first = true
  /** Lines could not be stored: nothing behind them is published. */
  #isBroken = false

  constructor(deps: LinesUploadDependencies, request: LinesRequest, pieces: BodyPieces, sink?: ResultSink) {
    this.#deps = deps
    this.#request = request
    this.#pieces = pieces
    this.#sink = sink
    this.#reader = new LineRecordsReader({
      ...request.formats,
      maxRecords: GROUP_MAX_RECORDS,
      maxHeaders: request.maxHeaders,
    })
    this.#group = new LineGroup(1, deps.memory)
  }

  /**
   * Resolves with the summary when all is stored. Rejects with a BrokerError that tells what was stored, and from which
   * line to go on.
   */
  async run() {
    let failure: unknown
    try {
      await this.#readAll()
    } catch (error) {
      failure = error
    }
    try {
      if (!this.#isBroken) await this.#submit()
      await this.#underWay.idle()
    } finally {
      this.#group.release()
      this.#deps.load.bodies.release(this.#holder)
    }
    const { firstLine, lineCount } = this.#group
    const nextLine = firstLine + lineCount
    if (failure === undefined && !this.#progress.failed)
      return this.#progress.summary(this.#request.topic, nextLine - 1)
    if (failure !== undefined && !(failure instanceof BrokerError) && !(failure instanceof LineFault)) throw failure
    throw failure instanceof LineFault
      ? this.#progress.failure(failure.error, nextLine, true)
      : this.#progress.failure(failure ?? stopped, nextLine, false)
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const waits = this.#group.columns.count > 0
      const piece = await this.#pieces.next(waits ? this.#groupBeganAt + LINGER_MS : Infinity)
      if (piece === LATE) await this.#publishGroup()
      else if (piece === undefined) break
      else await this.#take(piece)
    }
    await this.#read(this.#group.filled)
  }

  async #take(piece: Buffer): Promise<void> {
    if (this.#group.columns.count > 0 && this.#group.filled + piece.length > GROUP_MAX_BYTES) {
      await this.#publishGroup()
    }
    this.#group.forgetBlanks()
    const feedAt = piece.indexOf(LINE_FEED)
    this.#checkLineLength(feedAt < 0 ? piece.length : feedAt)
    await this.#makeRoom(piece.length)
    const endOfLines = piece.lastIndexOf(LINE_FEED) + 1
    const before = this.#group.filled
    this.#group.append(piece)
    this.#deps.memory.buffers.giveBack(piece)
    if (endOfLines > 0) await this.#read(before + endOfLines)
    this.#checkLineLength(0)
  }

  /** Of the line that was begun and goes on with so many bytes: before there is memory for them. */
  #checkLineLength(further: number): void {
    const { filled, position } = this.#group
    if (filled - position + further > this.#request.maxLineBytes) throw this.#lineTooLong()
  }

  /** Reads the lines up to there, of which one ends there, and publishes those that fill groups. */
  async #read(end: number): Promise<void> {
    let left = end - this.#group.position
    while (left > 0) {
      const group = this.#group
      await this.#turn(left)
      const from = group.position
      if (group.columns.count === 0) this.#groupBeganAt = this.#deps.clock.monotonic()
      try {
        this.#reader.read(group, from + left)
      } catch (error) {
        throw error instanceof BrokerError ? new LineFault(error) : error
      }
      left -= group.position - from
      if (group.isFull) await this.#publishGroup()
    }
  }

  /** Behind the other publish requests whose bodies came before. */
  #turn(bytes: number): Promise<void> {
    return new Promise((resolve) => this.#deps.load.publishTurns.take(bytes, resolve))
  }

  /** Waits until what all requests hold leaves room for so many bytes more of this group. */
  async #makeRoom(bytes: number): Promise<void> {
    const group = this.#group
    const capacity = group.capacityFor(bytes)
    if (capacity > group.capacity) await this.#admitted(capacity - group.capacity)
    group.grow(capacity)
  }

  async #admitted(bytes: number): Promise<void> {
    while (!this.#deps.load.bodies.admits(this.#holder, bytes)) {
      if (this.#underWay.isEmpty) return this.#waitForRoom(bytes)
      await this.#underWay.change()
    }
  }

  #waitForRoom(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#deps.load.bodies.wait(this.#holder, bytes, (refused) => {
        if (refused === undefined) resolve()
        else reject(refused)
      })
    })
  }

  async #publishGroup(): Promise<void> {
    await this.#submit()
    if (this.#isBroken) throw stopped
  }

  /** Has what was read of the group stored; what was not goes into the next one. */
  async #submit(): Promise<void> {
    const group = this.#group
    if (group.columns.count === 0) return
    const rest = group.rest()
    const next = new LineGroup(group.firstLine + group.lineCount, this.#deps.memory)
    if (rest.length > 0) {
      // Not refused: that much came already.
      const capacity = next.capacityFor(rest.length)
      next.grow(capacity)
      next.append(rest)
      this.#deps.load.bodies.took(this.#holder, capacity)
    }
    this.#group = next
    await this.#sink?.room()
    await this.#underWay.room(group.capacity)
    this.#deps.load.bodies.made(this.#holder, GROUP_COLUMNS_BYTES)
    this.#underWay.add(group, this.#publish(group))
    // Whether the topic is there, and whether its records can be taken, is known before the next group goes.
    if (this.#first) await this.#underWay.idle()
    else await nextTurn()
    this.#first = false
  }

  /** Stores the group, or, where a record in it cannot be taken, those before. */
  async #publish(group: LineGroup): Promise<GroupOutcome> {
    const { topic, publishOptions } = this.#request
    const { firstLine, lineCount, columns } = group
    const outcome: { error?: BrokerError; line?: number } = {}
    while (columns.count > 0) {
      try {
        const result = await this.#deps.publish.publish(topic, columns, publishOptions)
        const { worst } = result
        if (worst !== undefined) this.#break()
        return { firstLine, lineCount, result, ...(worst !== undefined && { error: worst }), ...outcome }
      } catch (error) {
        this.#break()
        const fault = faultOf(error)
        if (fault === undefined) return { firstLine, lineCount, error: brokerErrorOf(error) }
        outcome.error = fault.error
        outcome.line = group.lineOfRecord(fault.record)
        group.keep(fault.record)
      }
    }
    return { firstLine, lineCount, ...outcome }
  }

  #break(): void {
    this.#isBroken = true
    this.#pieces.fail(stopped)
  }

  #settled(group: LineGroup, outcome: GroupOutcome): void {
    const result = this.#progress.add(outcome)
    if (result !== undefined) this.#sink?.result(result)
    this.#deps.load.bodies.shrink(this.#holder, group.capacity + GROUP_COLUMNS_BYTES, GROUP_COLUMNS_BYTES)
    group.release()
  }

  #lineTooLong(): LineFault {
    const { maxLineBytes } = this.#request
    const detail = `it is longer than ${maxLineBytes} bytes (request.max.bytes). Is each record a line of its own?`
    return new LineFault(
      new BrokerError('REQUEST_TOO_LARGE', detail, { stored: 'no', facts: { maxBytes: maxLineBytes } }),
    )
  }
}

/** Reading ended at a line that cannot be taken. */
class LineFault extends Error {
  readonly error: BrokerError

  constructor(error: BrokerError) {
    super(error.message, { cause: error })
    this.error = error
  }
}

/** Why nothing more is read behind a failure that is known already. */
const stopped = new BrokerError('UNKNOWN_SERVER_ERROR', 'Lines before could not be stored.')

const recordPointer = /^\/records\/(\d+)(.*)$/

/** The first record that could not be taken, and why; undefined where the records are not at fault. */
function faultOf(error: unknown): { record: number; error: BrokerError } | undefined {
  if (!(error instanceof BrokerError) || error.options.stored !== 'no') return undefined
  const [first] = error.options.errors ?? []
  const record = recordPointer.exec(first?.pointer ?? '')?.[1]
  if (first === undefined || record === undefined) return undefined
  const errors = (error.options.errors ?? []).flatMap(({ pointer, detail }) => {
    const place = recordPointer.exec(pointer)
    return place?.[1] === record ? [{ pointer: place[2] ?? '', detail }] : []
  })
  const options = { ...error.options, errors, errorCount: errors.length, cause: error }
  return { record: Number(record), error: new BrokerError(error.code, first.detail, options) }
}

function brokerErrorOf(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const detail = 'The server met an unexpected error; its log has the details.'
  return new BrokerError('UNKNOWN_SERVER_ERROR', detail, { stored: 'unknown', cause: error })
}
