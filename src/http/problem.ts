import type { BrokerError } from '../broker/broker-error.ts'
import { errorCatalogue } from '../broker/error-catalogue.ts'

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'
/** Faults told in one reply; the number of all is `errorCount`. */
export const MAX_FIELD_ERRORS = 100

/** The document of RFC 9457 that every error reply is. */
export function problemOf(error: BrokerError, requestId?: string): Record<string, unknown> {
  const { stored, errors, errorCount, facts } = error.options
  return {
    ...facts,
    type: problemType(error.code),
    title: errorCatalogue[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    retriable: error.retriable,
    recovery: error.recovery,
    ...(stored !== undefined && { stored }),
    ...(errors !== undefined && { errors: errors.slice(0, MAX_FIELD_ERRORS), errorCount: errorCount ?? errors.length }),
    ...(requestId !== undefined && { requestId }),
  }
}

/** A relative reference to the page that explains the error; the same server serves it. */
export function problemType(code: string): string {
  return `/docs/errors#${code}`
}

/** Seconds for `Retry-After`, where the same request may succeed later. */
export function retryAfterSeconds(error: BrokerError): number | undefined {
  if (error.options.retryAfterSeconds !== undefined) return error.options.retryAfterSeconds
  return error.status === 503 || error.status === 429 ? 1 : undefined
}
