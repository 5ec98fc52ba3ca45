import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { EngineStatistics } from '../../src/broker/engine-statistics.ts'
import type { HttpStatistics } from '../../src/observability/http-statistics.ts'
import { metricDefinitions } from '../../src/observability/metric-definitions.ts'
import { Metrics } from '../../src/observability/metrics.ts'

function statistics(rounds: number): EngineStatistics {
  return {
    directories: [
      {
        path: '/data/a',
        state: 'read-only',
        rounds,
        journalBytes: 4096,
        appendedBytes: 1000,
        directBytes: 0,
        checkpoints: 2,
        durableLagBytes: 5,
        pendingBytes: 6,
        poisoned: true,
        freeBytes: 7,
      },
    ],
    partitionCount: 3,
    topicCount: 1,
    openFiles: 4,
    producerStateBytes: 6,
    fencedPartitions: 1,
    keeping: {
      removedSegments: 3,
      removedBytes: 3000,
      cleanings: 2,
      cleanedBytesRead: 900,
      cleanedBytesKept: 400,
      uncleanablePartitions: 1,
    },
    scrubs: [
      {
        path: '/data',
        state: 'waiting',
        scrubbedBytes: 12_345,
        passBytes: 10,
        passTotalBytes: 10,
        lastFullPassAt: 1_700_000_000_500,
        findings: 2,
      },
    ],
    shed: { 'produce-bytes': 7, 'fetch-waiting': 8 },
  }
}

const http: HttpStatistics = {
  requestBytes: 100,
  replyBytes: 200,
  shed: { 'request-bytes': 3, 'reply-bytes': 4, pipelining: 5, 'reply-timeout': 6 },
}

function metrics(t: TestContext, read: () => EngineStatistics): Metrics {
  const made = new Metrics(read, () => http)
  t.after(() => made.close())
  return made
}

test('every metric of the table is on the page', async (t) => {
  const made = metrics(t, () => statistics(1))
  const { body, contentType } = await made.render()
  assert.match(contentType, /^text\/plain/)
  for (const { name, type } of Object.values(metricDefinitions))
    assert.ok(body.includes(`# TYPE ${name} ${type}`), name)
})

test("the engine's counters show as they stand at each scrape", async (t) => {
  let rounds = 10
  const made = metrics(t, () => statistics(rounds))
  assert.match((await made.render()).body, /posthorn_commit_rounds_total{directory="\/data\/a"} 10\n/)
  rounds = 12
  const { body } = await made.render()
  assert.match(body, /posthorn_commit_rounds_total{directory="\/data\/a"} 12\n/)
  assert.match(body, /posthorn_log_directory_poisoned{directory="\/data\/a"} 1\n/)
  assert.match(body, /posthorn_log_directory_online{directory="\/data\/a"} 0\n/)
  assert.match(body, /posthorn_fenced_partitions 1\n/)
})

test('what was read again is counted, with what it found', async (t) => {
  const { body } = await metrics(t, () => statistics(1)).render()
  assert.match(body, /posthorn_scrubbed_bytes_total\{directory="\/data"\} 12345\n/)
  assert.match(body, /posthorn_scrub_findings\{directory="\/data"\} 2\n/)
  assert.match(body, /posthorn_scrub_last_pass_timestamp_seconds\{directory="\/data"\} 1700000000\.5\n/)
})

test('what went of the logs is counted', async (t) => {
  const { body } = await metrics(t, () => statistics(1)).render()
  assert.match(body, /posthorn_removed_segments_total 3\n/)
  assert.match(body, /posthorn_removed_bytes_total 3000\n/)
  assert.match(body, /posthorn_cleanings_total 2\n/)
  assert.match(body, /posthorn_cleaned_bytes_kept_total 400\n/)
  assert.match(body, /posthorn_uncleanable_partitions 1\n/)
})

test('what was shed is counted by reason', async (t) => {
  const { body } = await metrics(t, () => statistics(1)).render()
  assert.match(body, /posthorn_http_request_bytes 100\n/)
  assert.match(body, /posthorn_http_reply_bytes 200\n/)
  assert.match(body, /posthorn_http_shed_total{reason="pipelining"} 5\n/)
  assert.match(body, /posthorn_http_shed_total{reason="produce-bytes"} 7\n/)
  assert.match(body, /posthorn_http_shed_total{reason="fetch-waiting"} 8\n/)
})

test('latencies are counted in seconds', async (t) => {
  const made = metrics(t, () => statistics(1))
  made.committed(2)
  made.operation('publishRecords')(200, 4)
  const { body } = await made.render()
  assert.match(body, /posthorn_commit_latency_seconds_bucket{le="0.001"} 0\n/)
  assert.match(body, /posthorn_commit_latency_seconds_bucket{le="0.0025"} 1\n/)
  assert.match(body, /posthorn_http_request_duration_seconds_sum{operation="publishRecords",status="2xx"} 0.004\n/)
})
