import type { FastifyReply } from 'fastify'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { HttpLoad } from '../http-load.ts'
import { EVENTS_MEDIA_TYPE } from '../media-types.ts'
import { problemOf } from '../problem.ts'
import { eventFrame } from './event-frames.ts'
import { EventStream } from './event-stream.ts'

/** A client that has not taken the last frames by then does without: it comes back with the last id that it got. */
const FAREWELL_MS = 1000

export interface OpenStreamsDependencies {
  readonly load: HttpLoad
  readonly clock: Clock
  /** Ends all streams. */
  readonly stopping: AbortSignal
  /** Told of an error that nobody expected. */
  readonly onSurprise: (error: unknown, reply: FastifyReply) => void
}

/** Begins and ends streams. */
export class OpenStreams {
  readonly #deps: OpenStreamsDependencies
  readonly #open = new Set<EventStream>()

  constructor(deps: OpenStreamsDependencies) {
    this.#deps = deps
    deps.stopping.addEventListener('abort', () => this.#stop(), { once: true })
  }

  /** Refuses where all replies together hold as much as they may. */
  refuseIfFull(): void {
    const refused = this.#deps.load.replies.refusal()
    if (refused !== undefined) throw refused
  }

  /** @param serve sends to the stream until it is closed; what it rejects with is told to the client */
  begin(reply: FastifyReply, serve: (stream: EventStream) => Promise<void>): FastifyReply {
    const stream = new EventStream(reply.raw, this.#deps.load.replies.count(reply.raw))
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
    serve(stream).catch((error: unknown) => stream.finish(this.#problem(error, reply)))
    // It was asked for before the stop.
    if (this.#deps.stopping.aborted) this.#stop()
    return reply.header('x-accel-buffering', 'no').header('content-type', EVENTS_MEDIA_TYPE).send(stream)
  }

  #problem(error: unknown, reply: FastifyReply): Buffer {
    const requestId = reply.request.id
    if (error instanceof BrokerError) return eventFrame('problem', problemOf(error, requestId))
    this.#deps.onSurprise(error, reply)
    const detail = `The server met an unexpected error. Its log has the details under the request id ${requestId}.`
    return eventFrame('problem', problemOf(new BrokerError('UNKNOWN_SERVER_ERROR', detail), requestId))
  }

  #stop(): void {
    const detail = 'The server is stopping. Connect again with the last id: nothing is lost.'
    const farewell = eventFrame('problem', problemOf(new BrokerError('SERVER_STOPPING', detail)))
    const ended = [...this.#open]
    for (const stream of ended) stream.finish(farewell)
    this.#deps.clock.setTimer(FAREWELL_MS, () => {
      for (const stream of ended) stream.cut()
    })
  }
}
