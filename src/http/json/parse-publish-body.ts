import type { PublishBodyOptions } from './publish-body-options.ts'
import { RecordColumns } from '../../broker/record-columns.ts'
import { PendingDecodings } from './pending-decodings.ts'
import { PlainRecordsReader } from './plain-records-reader.ts'
import { PublishBodyReader } from './publish-body-reader.ts'
import { RequestFaults } from './request-faults.ts'

// Reading is synchronous: these serve all requests.
const plain = new PlainRecordsReader()
const pending = new PendingDecodings()

/**
 * Reads `{"records":[…]}` into columns whose spans point into the body, in one pass, without making values of it.
 *
 * The body belongs to the columns afterwards: escapes and base64 are decoded in place, so hash or log it before. Throws
 * INVALID_JSON at the first syntax error, else INVALID_REQUEST with the faults of all records; `stored` is always `no`.
 *
 * @param columns empty, over the body; filled in and returned
 */
export function parsePublishBody(
  body: Buffer,
  options: PublishBodyOptions,
  columns: RecordColumns = new RecordColumns(body),
): RecordColumns {
  if (!plain.begin(body, options)) return new PublishBodyReader(options, columns).read()
  pending.clear()
  plain.read(columns, options.maxRecords, pending)
  if (!plain.isWhole) return new PublishBodyReader(options, columns, pending, plain).read()
  if (!pending.isEmpty) pending.apply(columns, new RequestFaults('records'))
  return columns
}
