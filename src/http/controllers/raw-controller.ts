import type { FastifyReply, onRequestHookHandler } from 'fastify'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { PublishOptions, PublishService } from '../../broker/publish-service.ts'
import { RecordColumns } from '../../broker/record-columns.ts'
import { parseTime } from '../../broker/time-expression.ts'
import type { BodyBuffers } from '../body-buffers.ts'
import type { App, Controller } from '../controller.ts'
import { base64Refusal } from '../json/record-part.ts'
import { renderPublishReply } from '../json/publish-reply.ts'
import { ANY_MEDIA_TYPE } from '../media-types.ts'
import { identityOf } from '../publish-identity.ts'
import { sendAscii } from '../raw-reply.ts'
import { recordComponents } from '../schemas/records.ts'
import { PublishRaw, publishRawExamples } from './raw-operations.ts'

export interface RawControllerDependencies {
  readonly publish: PublishService
  readonly bodyBuffers: BodyBuffers
  readonly clock: Clock
}

/** Publishes single records whose value is the body as it is. */
export class RawController implements Controller {
  readonly components = recordComponents
  readonly #deps: RawControllerDependencies

  constructor(deps: RawControllerDependencies) {
    this.#deps = deps
  }

  routes(app: App): void {
    app.post(
      '/topics/:topic/raw',
      {
        schema: PublishRaw,
        config: { publishes: true, consumes: ANY_MEDIA_TYPE, examples: publishRawExamples },
        onRequest: anyContentType,
      },
      ({ params, query, body }, reply) => this.publish(params.topic, query, body, reply),
    )
  }

  /** The body is given back in the end: the batch has a copy of it. */
  async publish(topic: string, query: RawQuery, body: unknown, reply: FastifyReply): Promise<void> {
    // Where there is none, it is empty.
    const value = Buffer.isBuffer(body) ? body : noBytes
    try {
      const identity = identityOf(reply.request, value)
      const { acks, compression } = query
      if (query.key !== undefined) refuseUndecodable(reply.request.raw.url ?? '')
      if (identity !== undefined) refuseTimeFromNow(query.timestamp)
      const columns = recordOf(value, query, this.#deps.clock.now())
      const result = await this.#deps.publish.publish(topic, columns, { acks, compression, identity })
      if (acks === '0') void reply.code(202).send({ topic, durability: result.durability })
      else sendAscii(reply, renderPublishReply(result))
    } catch (error) {
      throw atParameters(error)
    } finally {
      this.#deps.bodyBuffers.giveBack(body)
    }
  }
}

interface RawQuery extends Pick<PublishOptions, 'acks' | 'compression'> {
  readonly key?: string
  readonly keyEncoding?: 'base64'
  readonly partition?: number
  readonly timestamp?: string
}

const noBytes = Buffer.alloc(0)

/** Fastify refuses a type that is spelled wrong before it asks who takes it: here none matters. */
const anyContentType: onRequestHookHandler = (request, _reply, done) => {
  if (!request.mediaType) delete request.raw.headers['content-type']
  done()
}

function recordOf(value: Buffer, query: RawQuery, nowMs: number): RecordColumns {
  const key = keyOf(query)
  // The columns lie over one buffer.
  const bytes = key === undefined ? value : Buffer.concat([value, key])
  const columns = new RecordColumns(bytes, 1)
  const record = columns.addRecord()
  columns.valueStart[record] = 0
  columns.valueEnd[record] = value.length
  if (key !== undefined) {
    columns.keyStart[record] = value.length
    columns.keyEnd[record] = bytes.length
  }
  if (query.partition !== undefined) columns.partition[record] = query.partition
  if (query.timestamp !== undefined) columns.timestamp[record] = parseTime(query.timestamp, nowMs, 'timestamp')
  return columns
}

/** What cannot be decoded would be taken as it is spelled: another key than was meant, in another partition. */
function refuseUndecodable(url: string): void {
  try {
    decodeURIComponent(url.slice(url.indexOf('?') + 1))
  } catch {
    throw invalid(
      'key',
      'The query is not percent-encoded UTF-8, so that the key cannot be told: send "%" as %25, and bytes that are no ' +
        'UTF-8 as base64 with keyEncoding=base64.',
    )
  }
}

function keyOf({ key, keyEncoding }: RawQuery): Buffer | undefined {
  if (keyEncoding === undefined) return key === undefined ? undefined : Buffer.from(key)
  if (key === undefined) throw invalid('keyEncoding', 'There is a keyEncoding, but no key: give one, or leave it out.')
  // Form decoding makes a space of the + that base64 has.
  const text = Buffer.from(key.replaceAll(' ', '+'))
  const refusal = base64Refusal(text, 0, text.length)
  if (refusal !== undefined) throw invalid('key', `The parameter "key": ${refusal}`)
  return Buffer.from(text.toString('latin1'), 'base64')
}

/** Sent again, the request would mean another time, and could not be answered as it was. */
function refuseTimeFromNow(timestamp: string | undefined): void {
  if (timestamp === undefined || !timestamp.startsWith('-')) return
  const detail =
    `The timestamp ${JSON.stringify(timestamp)} counts back from now, so that the request means another one each time it is sent: ` +
    'give Unix milliseconds or ISO 8601 with Producer-Id or Idempotency-Key, or leave it out.'
  throw invalid('timestamp', detail)
}

/** Records that are refused are told of as in a body of many. */
function atParameters(error: unknown): unknown {
  if (!(error instanceof BrokerError) || error.options.errors === undefined) return error
  const errors = error.options.errors.map(({ pointer, detail }) => {
    return { pointer: pointer.replace(/^\/records\/0/, '').replace(/^\//, '?'), detail }
  })
  return new BrokerError(error.code, error.message, { ...error.options, errors, cause: error })
}

function invalid(name: string, detail: string): BrokerError {
  return new BrokerError('INVALID_REQUEST', detail, { stored: 'no', errors: [{ pointer: `?${name}`, detail }] })
}
