import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { PublishService } from '../../broker/publish-service.ts'
import type { BodyBuffers } from '../body-buffers.ts'
import { ColumnsPool } from '../columns-pool.ts'
import { contentEncodingOf } from '../content-encoding.ts'
import { DecodedBody } from '../decoded-body.ts'
import { sendProblem } from '../error-handler.ts'
import type { HttpLoad } from '../http-load.ts'
import { lingerBehindAnswer } from '../lingering-connection.ts'
import { LINES_MEDIA_TYPE } from '../media-types.ts'
import { problemOf } from '../problem.ts'
import { sendBytes } from '../raw-reply.ts'
import { serverStopping } from '../request-gate.ts'
import { BodyPieces } from './body-pieces.ts'
import type { LinesResult } from './lines-progress.ts'
import { LinesUpload, type LinesRequest, type ResultSink } from './lines-upload.ts'
import { ResultLines } from './result-lines.ts'

/** How long a client that was refused in the middle of its body may go on sending, and so long while the server stops. */
const LINGER_MS = 5000
const LINGER_STOPPING_MS = 500

export interface PublishedLinesDependencies {
  readonly publish: PublishService
  readonly load: HttpLoad
  readonly bodyBuffers: BodyBuffers
  readonly clock: Clock
  readonly stopping: AbortSignal
  /** `request.idle.timeout.ms` */
  readonly requestIdleTimeoutMs: number
}

/** Answers requests whose bodies are streams of lines. */
export class PublishedLines {
  readonly #deps: PublishedLinesDependencies
  readonly #columns = new ColumnsPool()
  readonly #open = new Set<BodyPieces>()

  constructor(deps: PublishedLinesDependencies) {
    this.#deps = deps
    deps.stopping.addEventListener(
      'abort',
      () => {
        for (const pieces of this.#open) pieces.fail(serverStopping('POST'))
      },
      { once: true },
    )
  }

  /** @param tellsResults whether the reply goes on beside the body */
  async serve(body: IncomingMessage, lines: LinesRequest, tellsResults: boolean, reply: FastifyReply): Promise<void> {
    const { request } = reply
    const results = tellsResults ? new LinesReply(reply, this.#deps.load, lines) : undefined
    const pieces = this.#piecesOf(body, request)
    try {
      const upload = new LinesUpload(this.#uploadDependencies(), lines, pieces, results)
      const summary = await upload.run()
      if (results === undefined) sendLine(reply, lines, summary)
      else results.finish(summary)
    } catch (error) {
      const known = knownError(error, request)
      this.#deps.load.refusals.refused(error, known, request)
      if (results?.begun === true) results.breakOff(problemOf(known, request.id))
      else sendProblem(known, request, reply, false)
      lingerBehindAnswer(body, this.#deps.clock, this.#deps.stopping.aborted ? LINGER_STOPPING_MS : LINGER_MS)
    } finally {
      this.#open.delete(pieces)
      pieces.close()
    }
  }

  #piecesOf(body: IncomingMessage, { headers }: FastifyRequest): BodyPieces {
    const { clock, stopping, requestIdleTimeoutMs: idleTimeoutMs } = this.#deps
    const encoding = contentEncodingOf(headers)
    const unpacked = encoding === undefined ? body : new DecodedBody(body, encoding)
    const pieces = new BodyPieces(unpacked, body, { clock, idleTimeoutMs })
    this.#open.add(pieces)
    // It was asked for before the stop.
    if (stopping.aborted) pieces.fail(serverStopping('POST'))
    return pieces
  }

  #uploadDependencies() {
    const { publish, load, clock, bodyBuffers: buffers } = this.#deps
    return { publish, load, clock, memory: { buffers, columns: this.#columns } }
  }
}

/** The reply to one stream, where results are told as they come: it begins with the first. */
class LinesReply implements ResultSink {
  readonly #reply: FastifyReply
  readonly #load: HttpLoad
  readonly #lines: LinesRequest
  #results: ResultLines | undefined

  constructor(reply: FastifyReply, load: HttpLoad, lines: LinesRequest) {
    this.#reply = reply
    this.#load = load
    this.#lines = lines
  }

  get begun(): boolean {
    return this.#results !== undefined
  }

  room(): Promise<void> {
    return this.#results === undefined ? Promise.resolve() : this.#results.room()
  }

  result(result: LinesResult): void {
    this.#begin().send(result)
  }

  finish(summary: object): void {
    const results = this.#begin()
    results.send(summary)
    results.finish()
  }

  breakOff(problem: object): void {
    const results = this.#begin()
    results.send(problem)
    void results.breakOff()
  }

  #begin(): ResultLines {
    if (this.#results !== undefined) return this.#results
    const reply = this.#reply
    const results = new ResultLines(reply.raw, this.#load.replies.count(reply.raw))
    this.#results = results
    void reply.code(statusOf(this.#lines)).header('content-type', LINES_MEDIA_TYPE).send(results)
    return results
  }
}

function sendLine(reply: FastifyReply, lines: LinesRequest, line: object): void {
  void reply.code(statusOf(lines))
  sendBytes(reply, LINES_MEDIA_TYPE, Buffer.from(`${JSON.stringify(line)}\n`))
}

function statusOf({ publishOptions }: LinesRequest): number {
  return publishOptions.acks === '0' ? 202 : 200
}

function knownError(error: unknown, { id }: FastifyRequest): BrokerError {
  if (error instanceof BrokerError && error.code !== 'UNKNOWN_SERVER_ERROR') return error
  const detail = `The server met an unexpected error. Its log has the details under the request id ${id}.`
  const options = error instanceof BrokerError ? error.options : { stored: 'unknown' as const }
  return new BrokerError('UNKNOWN_SERVER_ERROR', detail, { ...options, cause: error })
}
