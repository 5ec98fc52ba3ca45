import { LINES_MEDIA_TYPE } from '../media-types.ts'
import { ref } from '../schemas/component.ts'
import { PublishedLinesSchema } from '../schemas/lines.ts'
import { cursorHeaders, positionHeaders } from '../schemas/page-headers.ts'
import { acksQuery, compressionQuery, formatQuery, type PageSettings, TopicParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { exampleRecord, RecordSchema, RecordToPublishSchema } from '../schemas/records.ts'
import { browseRecords, readPartition } from './record-operations.ts'
import { Type } from '../schemas/type.ts'

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

export type ResultsChoice = 'summary' | 'lines'

const publishedLines = (description: string) => ({
  description,
  content: { [LINES_MEDIA_TYPE]: { schema: ref(PublishedLinesSchema) } },
})

export const PublishLines = {
  operationId: 'publishLines',
  summary: 'Publish records, one a line',
  description:
    'A stream of any length: each line is a record as it is published, or as it was read as lines; blank lines are none. ' +
    'They are stored as they come, some hundred together, in order. Whatever ends the stream, a line that is no record among ' +
    'them, the lines before it are stored: the problem says how many, and from which line to go on (`nextLine`). The ' +
    'headers that make a request known again are refused here.',
  tags: ['Records'],
  consumes: [LINES_MEDIA_TYPE],
  params: TopicParams,
  querystring: Type.Object(
    {
      acks: acksQuery,
      compression: compressionQuery,
      results: Type.Unsafe<ResultsChoice>({
        type: 'string',
        enum: ['summary', 'lines'],
        default: 'summary',
        description:
          'What is told: a `summary` in the end, or before it a line for each group of lines as soon as it is stored. What ' +
          'goes wrong then is the last line, a problem document, and the connection is closed without the end of the reply.',
        examples: ['summary'],
      }),
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  body: ref(RecordToPublishSchema),
  response: {
    200: publishedLines('All lines are stored.'),
    202: publishedLines('With `acks=0`: all lines are queued; nothing is vouched for.'),
    ...problemReplies,
  },
}

export const publishLinesExamples = {
  request: { key: 'user-42', value: { total: 12.5 } },
  replies: {
    200: {
      topic: 'orders',
      lineCount: 2000,
      recordCount: 2000,
      partitions: [{ partition: 3, recordCount: 2000, firstOffset: 17, lastOffset: 2016 }],
      durability: 'fsync',
    },
    202: {
      topic: 'orders',
      lineCount: 2000,
      recordCount: 2000,
      partitions: [{ partition: 3, recordCount: 2000, firstOffset: null, lastOffset: null }],
      durability: 'none',
    },
  },
}
