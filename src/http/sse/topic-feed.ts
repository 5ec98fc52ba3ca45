import { setImmediate as nextTurn } from 'node:timers/promises'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { ReadCursor } from '../../broker/cursor.ts'
import type { TopicStreamService } from '../../broker/topic-stream-service.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { pingFrame } from './event-frames.ts'
import { type FramedPage, readFrames } from './read-frames.ts'
import { TURN_PIECES } from './reading-turns.ts'
import { RecentFrames } from './recent-frames.ts'
import { standingOf } from './stream-positions.ts'

export const PING_INTERVAL_MS = 15_000
/** A wait ends after this time at the latest: a partition that the topic has got is found so. */
const LOOK_INTERVAL_MS = 1000
/** While nothing more may wait. */
const CROWDED_LOOK_INTERVAL_MS = 200
/** Streams served in one turn of the event loop. */
const TURN_STREAMS = 100
/** A step that took so long is followed by a rest of so many times as long, in which records gather for the next one. */
const REST_FACTOR = 2
const REST_MIN_MS = 1
const REST_MAX_MS = 80

export interface FeedDependencies {
  readonly streams: TopicStreamService
  readonly clock: Clock
}

/** What a feed needs of an EventStream. */
export interface FeedStream {
  readonly destroyed: boolean
  readonly isFull: boolean
  taken(): Promise<void>
  send(frames: Buffer): void
  once(event: 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
}

/** A stream that goes along with a feed. */
interface Follower {
  readonly stream: FeedStream
  /** Number of the frames that it is to get next. */
  next: number
  /** Where it stands, where that is not where the feed stands: while it joins, and while it lags. */
  stand: ReadCursor | undefined
  /** Lets it go on alone from here. */
  readonly leave: (stand: ReadCursor) => void
  readonly fail: (error: unknown) => void
}

/**
 * The end of a topic for all streams of it that have come there: what is new is read and rendered once, and the same frames
 * go to all of them. The more of them there are, the more records are gathered for one step: a write for each record and
 * each stream would be beyond any machine. A stream whose socket is full lags; it gets what is kept of the last frames, or
 * goes on alone.
 */
export class TopicFeed {
  readonly #deps: FeedDependencies
  readonly #topic: string
  readonly #formats: RecordFormats
  readonly #onIdle: () => void
  readonly #followers = new Set<Follower>()
  readonly #joining = new Set<Follower>()
  readonly #recent = new RecentFrames()
  #lagging = 0
  #stand: ReadCursor
  #sentAt: number
  #wait = new AbortController()
  #waiting = false

  constructor(deps: FeedDependencies, topic: string, formats: RecordFormats, stand: ReadCursor, onIdle: () => void) {
    this.#deps = deps
    this.#topic = topic
    this.#formats = formats
    this.#stand = stand
    this.#onIdle = onIdle
    this.#sentAt = deps.clock.monotonic()
  }

  /** Reads on until nobody follows. */
  async run(): Promise<void> {
    try {
      while (!this.#isDeserted) await this.#step()
      this.#onIdle()
    } catch (error) {
      this.#onIdle()
      for (const { stand, leave, fail } of [...this.#followers, ...this.#joining]) {
        // Who has not got all that was read meets the error behind it.
        if (stand === undefined) fail(error)
        else leave(stand)
      }
    }
  }

  /**
   * Takes a stream along that stands here or near. Resolves with its stand where it has to go on alone, or is closed;
   * rejects where the topic cannot be read.
   */
  async follow(stream: FeedStream, stand: ReadCursor): Promise<ReadCursor> {
    if (stream.destroyed) return stand
    const left = Promise.withResolvers<ReadCursor>()
    const joiner: Follower = { stream, next: this.#recent.next, stand, leave: left.resolve, fail: left.reject }
    const gone = (): void => left.resolve(stand)
    stream.once('close', gone)
    if (standingOf(stand.positions, this.#stand.positions) === 'same') this.#admit(joiner)
    else {
      this.#joining.add(joiner)
      if (this.#waiting) this.#wait.abort()
    }
    try {
      return await left.promise
    } finally {
      stream.off('close', gone)
      this.#remove(joiner)
    }
  }

  get #isDeserted(): boolean {
    return this.#followers.size + this.#joining.size === 0
  }

  #admit(joiner: Follower): void {
    this.#joining.delete(joiner)
    joiner.next = this.#recent.next
    joiner.stand = undefined
    this.#followers.add(joiner)
  }

  #remove(follower: Follower): void {
    this.#joining.delete(follower)
    if (this.#followers.delete(follower) && follower.stand !== undefined) this.#caughtUp(follower)
    if (this.#isDeserted) this.#wait.abort()
  }

  async #step(): Promise<void> {
    await this.#catchUpSome()
    await this.#pingIfDue()
    const before = this.#stand
    const { page, frames } = await this.#read()
    this.#stand = page.cursor
    if (!frames.isEmpty) {
      const busyMs = await this.#deliver(frames.finish(), before)
      if (page.upToDate) await this.#rest(busyMs)
    }
    if (page.error !== undefined) throw page.error
  }

  /** What is new; waits for it, or where as many reads wait as may, looks again and again: streams go on. */
  async #read(): Promise<FramedPage> {
    if (this.#wait.signal.aborted) this.#wait = new AbortController()
    const pingIn = this.#sentAt + PING_INTERVAL_MS - this.#deps.clock.monotonic()
    this.#waiting = true
    // Whoever was last may have left while others were brought here: nobody is there to end the wait then.
    const waitMs = this.#isAwaited() || this.#isDeserted ? 0 : Math.max(1, Math.min(LOOK_INTERVAL_MS, pingIn))
    try {
      return await this.#framesWithin(waitMs)
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'SERVER_OVERLOADED') throw error
      await this.#pause(CROWDED_LOOK_INTERVAL_MS)
      return await this.#framesWithin(0)
    } finally {
      this.#waiting = false
    }
  }

  #framesWithin(waitMs: number): Promise<FramedPage> {
    const reading = { waitMs, signal: this.#wait.signal }
    return readFrames(this.#deps.streams, this.#topic, this.#stand, this.#formats, reading)
  }

  /** True where a stream is still to be brought here, which must not wait for the next record. */
  #isAwaited(): boolean {
    for (const { stand } of this.#joining) {
      if (stand !== undefined && standingOf(stand.positions, this.#stand.positions) !== 'ahead') return true
    }
    return false
  }

  async #catchUpSome(): Promise<void> {
    const some = [...this.#joining].slice(0, TURN_STREAMS)
    for (let at = 0; at < some.length; at += TURN_PIECES) {
      if (at > 0) await nextTurn()
      await Promise.all(some.slice(at, at + TURN_PIECES).map((joiner) => this.#catchUp(joiner)))
    }
  }

  /** Brings a stream that is behind to where the feed stands. One that is ahead waits for the feed. */
  async #catchUp(joiner: Follower): Promise<void> {
    const target = this.#stand
    const { stand: from = target, stream } = joiner
    const standing = standingOf(from.positions, target.positions)
    if (standing === 'same') this.#admit(joiner)
    if (standing !== 'behind') return
    const upTo = target.positions
    const { page, frames } = await readFrames(this.#deps.streams, this.#topic, from, this.#formats, { upTo })
    // Its cursor stands behind records that are left out here.
    if (page.error !== undefined) return joiner.leave(from)
    if (!frames.isEmpty) stream.send(frames.finish())
    const arrived = standingOf(page.cursor.positions, upTo) === 'same' && !stream.isFull
    if (arrived && this.#joining.has(joiner)) this.#admit(joiner)
    else joiner.leave(page.cursor)
  }

  /** @returns milliseconds it took */
  async #deliver(bytes: Buffer, before: ReadCursor): Promise<number> {
    const { clock } = this.#deps
    const { number } = this.#recent.add(bytes, this.#stand)
    this.#sentAt = clock.monotonic()
    let busyMs = 0
    let inTurn = 0
    let began = this.#sentAt
    for (const follower of this.#followers) {
      if (inTurn++ === TURN_STREAMS) {
        busyMs += clock.monotonic() - began
        await nextTurn()
        began = clock.monotonic()
        inTurn = 1
      }
      // Who came meanwhile stands behind these frames; who lags gets them in its turn.
      if (follower.next !== number) continue
      if (follower.stream.isFull) this.#lag(follower, before)
      else {
        follower.stream.send(bytes)
        follower.next = number + 1
      }
    }
    if (this.#lagging === 0) this.#recent.clear()
    return busyMs + clock.monotonic() - began
  }

  #lag(follower: Follower, stand: ReadCursor): void {
    if (follower.stand === undefined) this.#lagging += 1
    follower.stand = stand
    void follower.stream.taken().then(() => this.#resume(follower))
  }

  #resume(follower: Follower): void {
    while (this.#followers.has(follower) && follower.stand !== undefined) {
      if (follower.next === this.#recent.next) return this.#caughtUp(follower)
      const frames = this.#recent.find(follower.next)
      if (frames === undefined) return follower.leave(follower.stand)
      if (follower.stream.isFull) return this.#lag(follower, follower.stand)
      follower.stream.send(frames.bytes)
      follower.stand = frames.stand
      follower.next += 1
    }
  }

  #caughtUp(follower: Follower): void {
    follower.stand = undefined
    this.#lagging -= 1
    if (this.#lagging === 0) this.#recent.clear()
  }

  async #pingIfDue(): Promise<void> {
    const { clock, streams } = this.#deps
    if (clock.monotonic() - this.#sentAt < PING_INTERVAL_MS) return
    const ping = pingFrame(streams.cursorText(this.#stand))
    this.#sentAt = clock.monotonic()
    let inTurn = 0
    for (const { stream, stand } of this.#followers) {
      if (inTurn++ % TURN_STREAMS === TURN_STREAMS - 1) await nextTurn()
      if (stand === undefined && !stream.isFull) stream.send(ping)
    }
  }

  async #rest(busyMs: number): Promise<void> {
    const restMs = Math.min(REST_MAX_MS, busyMs * REST_FACTOR)
    if (restMs < REST_MIN_MS) return
    await this.#pause(restMs)
  }

  #pause(forMs: number): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.setTimer(forMs, resolve))
  }
}
