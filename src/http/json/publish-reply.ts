import type { PublishResult } from '../../broker/publish-result.ts'
import { COMMA } from './json-bytes.ts'
import { JsonWriter } from './json-writer.ts'
import { publishedRecordsMaxBytes, writePublishedRecords } from './published-records-writer.ts'

/** Up to so many records, strings put together are faster than bytes. */
const BY_STRING_MAX = 2
/** Larger replies are written to a buffer that goes with them. */
const SHARED_BYTES = 360 * 1024
const AROUND_MAX_BYTES = 512

/** Written and read within one call: replies need no buffer of their own. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)
const sharedView = viewOf(shared)

/** `{"topic":"orders","records":[{"partition":3,"offset":17,"timestamp":1700000000000}],"durability":"fsync","duplicate":false}` */
export function renderPublishReply(result: PublishResult): string {
  const { topic, columns, durability } = result
  // Names of topics that exist have no character that JSON escapes.
  const head = `{"topic":"${topic}","records":`
  const tail = `,"durability":"${durability}","duplicate":false}`
  if (columns.count <= BY_STRING_MAX) return `${head}${recordsText(result)}${tail}`
  const neededBytes = AROUND_MAX_BYTES + publishedRecordsMaxBytes(columns.count)
  const buffer = neededBytes > SHARED_BYTES ? Buffer.allocUnsafeSlow(neededBytes) : shared
  const view = buffer === shared ? sharedView : viewOf(buffer)
  const recordsAt = buffer.write(head, 0, 'latin1')
  const tailAt = writePublishedRecords(buffer, view, recordsAt, columns)
  const end = tailAt + buffer.write(tail, tailAt, 'latin1')
  return buffer.toString('latin1', 0, end)
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

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
