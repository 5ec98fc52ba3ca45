import { LINES_MEDIA_TYPE } from '../media-types.ts'
import { ref } from '../schemas/component.ts'
import { cursorHeaders, positionHeaders } from '../schemas/page-headers.ts'
import type { PageSettings } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { exampleRecord, RecordSchema } from '../schemas/records.ts'
import { browseRecords, readPartition } from './record-operations.ts'

const oneLine =
  'Each line is a record; CR and LF between the tokens of an embedded value are spaces. The page is chosen before the ' +
  'reply starts.'

/** As `browseRecords`, in lines. */
export const browseLines = (pages: PageSettings) => ({
  ...browseRecords(pages),
  operationId: 'browseLines',
  summary: 'Read records of all partitions as lines',
  description: `${oneLine} A partition that cannot be read is the reply’s status; its \`cursor\` goes on behind a gap.`,
  response: { 200: linesReply(cursorHeaders), ...problemReplies },
})

/** As `readPartition`, in lines. */
export const readPartitionLines = (pages: PageSettings) => ({
  ...readPartition(pages),
  operationId: 'readPartitionLines',
  summary: 'Read records of one partition as lines',
  description: `${oneLine} Before the log start: 410, beyond the end: 416, both with the two bounds.`,
  response: { 200: linesReply(positionHeaders), ...problemReplies },
})

function linesReply<H>(headers: H) {
  return {
    description: 'Records, one a line (NDJSON); no line where there is none.',
    headers,
    content: { [LINES_MEDIA_TYPE]: { schema: ref(RecordSchema) } },
  }
}

export const lineExamples = { replies: { 200: exampleRecord } }
