/**
 * Every metric the server exposes. A name is part of the contract with dashboards: it is not renamed, and
 * docs/metrics.md is generated from this table.
 */
export const metricDefinitions = {
  commitLatency: {
    name: 'posthorn_commit_latency_seconds',
    type: 'histogram',
    help: 'Time from the arrival of the oldest request of a commit round to the round being durable.',
    labels: [],
  },
  commitRounds: {
    name: 'posthorn_commit_rounds_total',
    type: 'counter',
    help: 'Commit rounds that became durable.',
    labels: ['directory'],
  },
  appendedBytes: {
    name: 'posthorn_appended_bytes_total',
    type: 'counter',
    help: 'Bytes of record batches committed.',
    labels: ['directory'],
  },
  directBytes: {
    name: 'posthorn_direct_bytes_total',
    type: 'counter',
    help: 'Bytes of record batches that went to their segments without passing through the journal.',
    labels: ['directory'],
  },
  journalBytes: {
    name: 'posthorn_journal_bytes_total',
    type: 'counter',
    help: 'Bytes written to the commit journal, padding included.',
    labels: ['directory'],
  },
  checkpoints: {
    name: 'posthorn_checkpoints_total',
    type: 'counter',
    help: 'Checkpoints taken: everything before one is in its segments.',
    labels: ['directory'],
  },
  durableLagBytes: {
    name: 'posthorn_durable_lag_bytes',
    type: 'gauge',
    help: 'Bytes accepted that are not durable yet.',
    labels: ['directory'],
  },
  pendingBytes: {
    name: 'posthorn_pending_bytes',
    type: 'gauge',
    help: 'Bytes durable in the journal that are not in their segments yet.',
    labels: ['directory'],
  },
  poisoned: {
    name: 'posthorn_log_directory_poisoned',
    type: 'gauge',
    help: '1 after a write or sync of the directory failed: it is read-only until the server is started again.',
    labels: ['directory'],
  },
  online: {
    name: 'posthorn_log_directory_online',
    type: 'gauge',
    help: '1 while the directory takes records.',
    labels: ['directory'],
  },
  freeBytes: {
    name: 'posthorn_log_directory_free_bytes',
    type: 'gauge',
    help: 'Free bytes of the file system that holds the directory.',
    labels: ['directory'],
  },
  fencedPartitions: {
    name: 'posthorn_fenced_partitions',
    type: 'gauge',
    help: 'Partitions with a damaged range that is kept from readers.',
    labels: [],
  },
  removedSegments: {
    name: 'posthorn_removed_segments_total',
    type: 'counter',
    help: 'Segments removed by retention and after records were deleted.',
    labels: [],
  },
  removedBytes: { name: 'posthorn_removed_bytes_total', type: 'counter', help: 'Their bytes.', labels: [] },
  cleanings: {
    name: 'posthorn_cleanings_total',
    type: 'counter',
    help: 'Compactions of a partition that came to their end.',
    labels: [],
  },
  cleanedBytesRead: {
    name: 'posthorn_cleaned_bytes_read_total',
    type: 'counter',
    help: 'Bytes of segments that compaction read.',
    labels: [],
  },
  cleanedBytesKept: {
    name: 'posthorn_cleaned_bytes_kept_total',
    type: 'counter',
    help: 'Of these, bytes that it kept.',
    labels: [],
  },
  uncleanablePartitions: {
    name: 'posthorn_uncleanable_partitions',
    type: 'gauge',
    help: 'Partitions that cannot be compacted now: /health/ready says why.',
    labels: [],
  },
  scrubbedBytes: {
    name: 'posthorn_scrubbed_bytes_total',
    type: 'counter',
    help: 'Bytes of segments that were read again in the background.',
    labels: ['directory'],
  },
  scrubFindings: {
    name: 'posthorn_scrub_findings',
    type: 'gauge',
    help: 'Damaged stretches and unreadable files found by that, still part of a log: /health/ready names them.',
    labels: ['directory'],
  },
  scrubLastPass: {
    name: 'posthorn_scrub_last_pass_timestamp_seconds',
    type: 'gauge',
    help: 'When everything was last read again, Unix time; 0 = not since the start.',
    labels: ['directory'],
  },
  openFiles: { name: 'posthorn_open_files', type: 'gauge', help: 'Segment files held open.', labels: [] },
  producerState: {
    name: 'posthorn_producer_state_bytes',
    type: 'gauge',
    help: 'Memory for what is known of publish requests with a Producer-Id or an Idempotency-Key; see producer.state.max.bytes.',
    labels: [],
  },
  topics: { name: 'posthorn_topics', type: 'gauge', help: 'Topics, internal ones included.', labels: [] },
  partitions: { name: 'posthorn_partitions', type: 'gauge', help: 'Partitions of all topics.', labels: [] },
  requestDuration: {
    name: 'posthorn_http_request_duration_seconds',
    type: 'histogram',
    help: 'Time to answer a request, by operation and status class; long polls include their wait.',
    labels: ['operation', 'status'],
  },
  requestBytes: {
    name: 'posthorn_http_request_bytes',
    type: 'gauge',
    help: 'Bytes of requests under way, of at most request.inflight.max.bytes.',
    labels: [],
  },
  replyBytes: {
    name: 'posthorn_http_reply_bytes',
    type: 'gauge',
    help: 'Bytes of pages that clients have not taken yet, of at most fetch.inflight.max.bytes.',
    labels: [],
  },
  shed: {
    name: 'posthorn_http_shed_total',
    type: 'counter',
    help: 'Requests refused (request-bytes, produce-bytes, reply-bytes, fetch-waiting: 503) and connections closed (pipelining, reply-timeout) for the sake of the others.',
    labels: ['reason'],
  },
  eventLoopDelay: {
    name: 'posthorn_event_loop_delay_seconds',
    type: 'gauge',
    help: 'Delay of the event loop since the last scrape.',
    labels: ['quantile'],
  },
} as const satisfies Record<string, MetricDefinition>

export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
}
