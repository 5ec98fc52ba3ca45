import type { AppendFacts } from './append-facts.ts'
import type { DecodedSection, Section } from './frame.ts'
import type { LogAppended } from './log-append.ts'

/*
 * What is known of the requests of a round that said who they are, as a section of its frame behind the batches (type
 * 3, version 1); where no request did, there is none. Numbers are big-endian.
 *
 *    0  requestCount  uint32
 *    4  (zero)        4 bytes
 *    8  facts, one behind the other: see request-facts-codec.ts
 */

export const PRODUCERS_SECTION = 3
const VERSION = 1
export const PRODUCERS_SECTION_OVERHEAD_BYTES = 8

export interface RequestWithFacts {
  readonly facts: AppendFacts | undefined
  readonly factsBytes: number
  readonly results: readonly LogAppended[]
}

/** Undefined where no request has facts. */
export function producersSection(requests: readonly RequestWithFacts[]): Section | undefined {
  let factsBytes = 0
  for (const request of requests) factsBytes += request.factsBytes
  if (factsBytes === 0) return undefined
  const content = Buffer.alloc(PRODUCERS_SECTION_OVERHEAD_BYTES + factsBytes)
  let at = PRODUCERS_SECTION_OVERHEAD_BYTES
  let count = 0
  for (const request of requests) {
    if (!request.facts) continue
    request.facts.write(content, at, request.results)
    at += request.factsBytes
    count++
  }
  content.writeUInt32BE(count, 0)
  return { type: PRODUCERS_SECTION, version: VERSION, content: [content] }
}

/** The bytes of the requests' facts; undefined where the section is not of this kind. */
export function decodeProducersSection({ type, version, content }: DecodedSection): Buffer | undefined {
  if (type !== PRODUCERS_SECTION || version !== VERSION) return undefined
  return content.length < PRODUCERS_SECTION_OVERHEAD_BYTES
    ? undefined
    : content.subarray(PRODUCERS_SECTION_OVERHEAD_BYTES)
}
