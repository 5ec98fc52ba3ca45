import type { FastifyRequest } from 'fastify'

export const JSON_MEDIA_TYPE = 'application/json'
/** One JSON object a line. */
export const LINES_MEDIA_TYPE = 'application/x-ndjson'
/** Kafka record batches v2, one behind the other. */
export const BATCHES_MEDIA_TYPE = 'application/vnd.kafka.record-batches'
/** Of a path that takes a body of any type, and one without. */
export const ANY_MEDIA_TYPE = '*/*'

/** Server-sent events. */
export const EVENTS_MEDIA_TYPE = 'text/event-stream'

/** All that some path takes. */
export const CONSUMED_MEDIA_TYPES: readonly string[] = [JSON_MEDIA_TYPE, LINES_MEDIA_TYPE, BATCHES_MEDIA_TYPE]

/** The one that the request's path takes. */
export function consumedBy(request: FastifyRequest): string {
  return request.routeOptions.config.consumes ?? JSON_MEDIA_TYPE
}
