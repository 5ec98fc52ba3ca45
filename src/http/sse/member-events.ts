import type { Clock, Timer } from '../../broker/clock.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import { errorCatalogue, type ErrorCode } from '../../broker/error-catalogue.ts'
import type { MemberPage } from '../../broker/member-fetch-service.ts'
import type { MemberStanding } from '../../broker/member-state.ts'
import type { MemberStream } from '../../broker/member-stream-service.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { commentFrame, eventFrame, openingFrame, pingFrame } from './event-frames.ts'
import type { EventStream } from './event-stream.ts'
import { PendingFrames } from './pending-frames.ts'
import { STEP_MAX_BYTES, stepMaxRecords } from './step-size.ts'
import { PING_INTERVAL_MS } from './topic-feed.ts'

/** While the client takes nothing, its member is kept alive by heartbeats this far apart. */
const HEARTBEAT_INTERVAL_MS = 3000

interface MemberPageFrames {
  readonly page: MemberPage
  readonly frames: PendingFrames
}

/** The stream of one member: its records, and what it is assigned and is to let go of. */
export class MemberEvents {
  readonly #member: MemberStream
  readonly #formats: RecordFormats
  readonly #clock: Clock
  #assignment = ''
  #revoking = '[]'
  #epoch = -1
  #sentAt = 0

  constructor(member: MemberStream, formats: RecordFormats, clock: Clock) {
    this.#member = member
    this.#formats = formats
    this.#clock = clock
  }

  /** The page that the stream begins with; rejects where the member cannot read. */
  async first(): Promise<MemberPageFrames> {
    return await this.#read(0)
  }

  /** Serves the stream until it is closed; rejects where the member cannot go on. */
  async serve(stream: EventStream, start: string, first: MemberPageFrames): Promise<void> {
    const gone = new AbortController()
    stream.once('close', () => gone.abort())
    this.#send(stream, openingFrame(start))
    this.#show(stream, first)
    for (;;) {
      await this.#room(stream)
      if (stream.destroyed) return
      const pingIn = Math.max(1, this.#sentAt + PING_INTERVAL_MS - this.#clock.monotonic())
      const next = await this.#read(pingIn, gone.signal)
      if (stream.destroyed) return
      this.#show(stream, next)
      if (this.#member.isSuperseded) return stream.finish(commentFrame('the member reads elsewhere now'))
      if (this.#clock.monotonic() - this.#sentAt >= PING_INTERVAL_MS) {
        this.#send(stream, pingFrame(this.#member.cursor))
      }
    }
  }

  async #read(waitMs: number, signal?: AbortSignal): Promise<MemberPageFrames> {
    const frames = new PendingFrames(this.#formats)
    const maxRecords = stepMaxRecords(this.#member.cursor)
    const reading = { maxRecords, maxBytes: STEP_MAX_BYTES, waitMs, ...(signal && { signal }) }
    return { page: await this.#member.next(reading, frames), frames }
  }

  /**
   * What the member has to know comes first, with the cursor before the page's records; what is missing of the page (the
   * gaps) comes behind them, with the cursor behind the page.
   */
  #show(stream: EventStream, { page, frames }: MemberPageFrames): void {
    const { runs } = frames
    const cursors = this.#member.cursors(page, runs)
    this.#announce(stream, page, cursors.trail.text())
    if (runs.length > 0) {
      this.#member.sent(runs)
      this.#send(stream, frames.finish(cursors))
    }
    for (const [index, gap] of page.gaps.entries()) {
      this.#send(stream, eventFrame('gap', gap, index === page.gaps.length - 1 ? page.cursor : undefined))
    }
    const [failure] = page.partitionErrors ?? []
    if (failure !== undefined) throw unreadable(page, failure.code)
  }

  #announce(stream: EventStream, { memberEpoch, assignment, revoking }: MemberStanding, id: string): void {
    const assigned = JSON.stringify(assignment)
    if (assigned !== this.#assignment) {
      this.#assignment = assigned
      this.#send(stream, eventFrame('assignment', { memberEpoch, assignment }, id))
    }
    const going = JSON.stringify(revoking)
    if (going !== this.#revoking) {
      this.#revoking = going
      this.#send(stream, eventFrame('revoking', { memberEpoch, revoking }, id))
    }
    // A cursor counts in its epoch and the next one: who comes back has to have one that is not older.
    if (memberEpoch !== this.#epoch) this.#send(stream, pingFrame(id))
    this.#epoch = memberEpoch
  }

  #send(stream: EventStream, frames: Buffer): void {
    stream.send(frames)
    this.#sentAt = this.#clock.monotonic()
  }

  /** Waits until there is room; nothing is read meanwhile, and the member stays one. */
  async #room(stream: EventStream): Promise<void> {
    while (!stream.destroyed && (stream.isFull || stream.isServerFull)) {
      let timer: Timer | undefined
      const beat = new Promise<boolean>((resolve) => {
        timer = this.#clock.setTimer(HEARTBEAT_INTERVAL_MS, () => resolve(true))
      })
      // Where the server is full and not the stream, only time helps.
      const taken = stream.isFull ? stream.taken().then(() => false) : beat
      const isDue = await Promise.race([taken, beat])
      timer?.cancel()
      if (isDue && !stream.destroyed) await this.#member.heartbeat()
    }
  }
}

function unreadable({ cursor, partitionErrors }: MemberPage, code: string): BrokerError {
  const detail = 'Some partitions cannot be read: see partitionErrors. The others go on when the client connects again.'
  return new BrokerError(isKnown(code) ? code : 'UNKNOWN_SERVER_ERROR', detail, { facts: { partitionErrors, cursor } })
}

function isKnown(code: string): code is ErrorCode {
  return code in errorCatalogue
}
