import type { IncomingHttpHeaders } from 'node:http'
import { BrokerError } from '../broker/broker-error.ts'

/** What a body may come packed in. */
export type ContentEncoding = 'gzip' | 'zstd'

/**
 * How the body is packed; undefined = as it is.
 *
 * @throws BrokerError for an encoding that is not taken, or more than one
 */
export function contentEncodingOf(headers: IncomingHttpHeaders): ContentEncoding | undefined {
  const given = headers['content-encoding']
  if (given === undefined) return undefined
  const encoding = given.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return undefined
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip'
  if (encoding === 'zstd') return 'zstd'
  const shown = JSON.stringify(given.slice(0, 64))
  throw new BrokerError(
    'UNSUPPORTED_MEDIA_TYPE',
    `The Content-Encoding ${shown} is not taken: send the body with gzip or zstd, or without one.`,
    { stored: 'no' },
  )
}
