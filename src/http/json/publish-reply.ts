import type { PublishResult } from '../../broker/publish-result.ts'
import { COMMA } from './json-bytes.ts'
import { JsonWriter } from './json-writer.ts'
import { publishedRecordsMaxBytes, writePublishedRecords } from './published-records-writer.ts'

/** Up to so many records, strings put together are faster than bytes. */
const BY_STRING_MAX = 2
/** Up to so many records, a string is written to the socket as fast as a buffer, and needs nobody to give it back. */
export const PUBLISHED_AS_TEXT_MAX = 256
const AROUND_MAX_BYTES = 512

/** Written and read within one call: a reply of text needs no buffer of its own. */
const shared = Buffer.allocUnsafeSlow(publishReplyMaxBytes(PUBLISHED_AS_TEXT_MAX))
const sharedView = new DataView(shared.buffer)

/** A safe upper bound for what `writePublishReply` writes. */
export function publishReplyMaxBytes(recordCount: number): number {
  return AROUND_MAX_BYTES + publishedRecordsMaxBytes(recordCount)
}

/** The reply to a publish of at most PUBLISHED_AS_TEXT_MAX records, all ASCII; see `writePublishReply`. */
export function renderPublishReply(result: PublishResult): string {
  const { columns } = result
  if (columns.count <= BY_STRING_MAX) return `${headOf(result)}${recordsText(result)}${tailOf(result)}`
  return shared.toString('latin1', 0, writePublishReply(result, shared, sharedView))
}

/**
 * Writes `{"topic":"orders","records":[{"partition":3,"offset":17,"timestamp":1700000000000}],"durability":"fsync","duplicate":false}`
 * to the start of the buffer, over which the view lies, and returns its length.
 */
export function writePublishReply(result: PublishResult, buffer: Buffer, view: DataView): number {
  const recordsAt = buffer.write(headOf(result), 0, 'latin1')
  const tailAt = writePublishedRecords(buffer, view, recordsAt, result.columns)
  return tailAt + buffer.write(tailOf(result), tailAt, 'latin1')
}

/** Names of topics that exist have no character that JSON escapes. */
function headOf({ topic }: PublishResult): string {
  return `{"topic":"${topic}","records":`
}

function tailOf({ durability, duplicate }: PublishResult): string {
  return `,"durability":"${durability}","duplicate":${duplicate}}`
}

function recordsText({ columns }: PublishResult): string {
  let text = ''
  for (let i = 0; i < columns.count; i++) {
    text += `${i === 0 ? '[' : ','}{"partition":${columns.partition[i]},"offset":${columns.offset[i]},"timestamp":${columns.timestamp[i]}}`
  }
  return `${text}]`
}

/**
 * The `records` array alone, in the order of the request, which a problem document has as a member; a record that was
 * not stored is `{"partition":3,"offset":null,"code":"KAFKA_STORAGE_ERROR"}`.
 */
export function renderPublishedRecords({ columns, failures }: PublishResult): Buffer {
  const writer = new JsonWriter(publishedRecordsMaxBytes(columns.count))
  writer.writeText('[')
  for (let record = 0; record < columns.count; record++) {
    if (record > 0) writer.writeByte(COMMA)
    const partition = columns.partition[record]!
    const failure = failures.get(partition)
    if (failure === undefined) {
      const offset = columns.offset[record]!
      writer.writeText(`{"partition":${partition},"offset":${offset},"timestamp":${columns.timestamp[record]!}}`)
    } else {
      writer.writeText(`{"partition":${partition},"offset":null,"code":"${failure.code}"}`)
    }
  }
  writer.writeText(']')
  return writer.bytes()
}
