import type { PublishResult } from '../../broker/publish-result.ts'
import { CLOSE_BRACE, COMMA } from './json-bytes.ts'
import { JsonText, JsonWriter } from './json-writer.ts'

const timestampMember = new JsonText(',"timestamp":')
/** Digits and punctuation of one record, about. */
const BYTES_PER_RECORD = 72

/** `{"topic":"orders","records":[{"partition":3,"offset":17,"timestamp":1700000000000}],"durability":"fsync","duplicate":false}` */
export function renderPublishReply(result: PublishResult): string {
  const writer = result.columns.count > SHARED_RECORDS_MAX ? new JsonWriter(sizeOf(result)) : sharedWriter
  writer.length = 0
  writer.writeText(`{"topic":${JSON.stringify(result.topic)},"records":`)
  writePublishedRecords(writer, result)
  writer.writeText(`,"durability":${JSON.stringify(result.durability)},"duplicate":false}`)
  return writer.bytes().toString('latin1')
}

/** Larger replies are written to a buffer that goes with them. */
const SHARED_RECORDS_MAX = 4096
/** Written and read within one call: replies need no buffer of their own. */
const sharedWriter = new JsonWriter(SHARED_RECORDS_MAX * BYTES_PER_RECORD)

function sizeOf({ columns }: PublishResult): number {
  return 256 + columns.count * BYTES_PER_RECORD
}

/**
 * The `records` array alone, in the order of the request, which a problem document has as a member; a record that was
 * not stored is `{"partition":3,"offset":null,"code":"KAFKA_STORAGE_ERROR"}`.
 */
export function renderPublishedRecords(result: PublishResult): Buffer {
  const writer = new JsonWriter(sizeOf(result))
  writePublishedRecords(writer, result)
  return writer.bytes()
}

function writePublishedRecords(writer: JsonWriter, { columns, failures }: PublishResult): void {
  const starts: JsonText[] = []
  writer.writeText('[')
  for (let record = 0; record < columns.count; record++) {
    if (record > 0) writer.writeByte(COMMA)
    const partition = columns.partition[record]!
    const failure = failures.size === 0 ? undefined : failures.get(partition)
    if (failure === undefined) {
      writer.write((starts[partition] ??= new JsonText(`{"partition":${partition},"offset":`)))
      writer.writeInteger(columns.offset[record]!)
      writer.write(timestampMember)
      writer.writeInteger(columns.timestamp[record]!)
      writer.writeByte(CLOSE_BRACE)
    } else {
      writer.writeText(`{"partition":${partition},"offset":null,"code":"${failure.code}"}`)
    }
  }
  writer.writeText(']')
}
