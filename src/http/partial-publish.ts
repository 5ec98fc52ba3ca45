import type { BrokerError } from '../broker/broker-error.ts'
import type { PublishResult } from '../broker/publish-result.ts'
import { renderPublishedRecords } from './json/publish-reply.ts'
import { problemOf } from './problem.ts'

/** The problem of a publish that some partitions failed: what became of each record is its member `records`. */
export function renderPartialPublish(worst: BrokerError, result: PublishResult, requestId: string): Buffer {
  const problem = JSON.stringify(problemOf(worst, requestId))
  return Buffer.concat([
    Buffer.from(`${problem.slice(0, -1)},"records":`),
    renderPublishedRecords(result),
    Buffer.from('}'),
  ])
}
