import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { parseConfigValue } from '../../src/broker/config-value.ts'
import {
  describeTopicConfigs,
  resolveTopicConfig,
  topicConfigDefinitions,
  validateTopicConfigs,
} from '../../src/broker/topic-config-definitions.ts'
import { refusedTopicConfigs } from '../../src/broker/topic-config-table.ts'

const none: ReadonlyMap<string, string> = new Map()

function refusal(configs: Record<string, unknown>, base = {}): BrokerError {
  try {
    validateTopicConfigs(Object.entries(configs), base)
  } catch (error) {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.code, 'INVALID_CONFIG')
    return error
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(configs)}` })
}

test('every default is valid and in its normal form, every name is there once', () => {
  for (const { name, type, default: text } of topicConfigDefinitions) {
    parseConfigValue(type, text)
    assert.equal(type.normalise(text), text, name)
    assert.ok(!refusedTopicConfigs.has(name), name)
  }
  assert.equal(new Set(topicConfigDefinitions.map(({ name }) => name)).size, topicConfigDefinitions.length)
})

test('without overrides a topic has the defaults of Kafka 4', () => {
  assert.deepEqual(resolveTopicConfig(none, none), {
    cleanupPolicy: ['delete'],
    compressionType: 'producer',
    compressionGzipLevel: -1,
    compressionZstdLevel: 3,
    deleteRetentionMs: 86_400_000,
    fileDeleteDelayMs: 60_000,
    indexIntervalBytes: 4096,
    maxCompactionLagMs: 2 ** 63,
    maxMessageBytes: 1_048_588,
    messageTimestampType: 'CreateTime',
    messageTimestampBeforeMaxMs: 2 ** 63,
    messageTimestampAfterMaxMs: 3_600_000,
    minCleanableDirtyRatio: 0.5,
    minCompactionLagMs: 0,
    retentionBytes: -1,
    retentionMs: 604_800_000,
    segmentBytes: 1_073_741_824,
    segmentMs: 604_800_000,
    segmentJitterMs: 0,
  })
})

test("a topic's override comes before the server's value, that before the default", () => {
  const broker = new Map([
    ['retention.ms', '1000'],
    ['segment.bytes', '2097152'],
  ])
  const overrides = new Map([['retention.ms', '-1']])
  const config = resolveTopicConfig(broker, overrides)
  assert.equal(config.retentionMs, -1)
  assert.equal(config.segmentBytes, 2_097_152)
  const described = describeTopicConfigs(overrides, broker)
  assert.deepEqual(described['retention.ms'], { value: '-1', source: 'topic' })
  assert.deepEqual(described['segment.bytes'], { value: '2097152', source: 'broker' })
  assert.deepEqual(described['flush.messages'], { value: '9223372036854775807', source: 'default' })
  assert.deepEqual(
    Object.keys(described),
    topicConfigDefinitions.map(({ name }) => name),
  )
})

test('an override outside a range is still read: ranges count when a value is set', () => {
  assert.equal(resolveTopicConfig(none, new Map([['segment.bytes', '4096']])).segmentBytes, 4096)
})

test('values may be strings, numbers, booleans or null, and come out in one form', () => {
  const valid = validateTopicConfigs(
    Object.entries({
      'retention.ms': 86_400_000,
      'segment.bytes': ' +02097152 ',
      'cleanup.policy': 'compact, delete',
      preallocate: true,
      'unclean.leader.election.enable': 'FALSE',
      'min.cleanable.dirty.ratio': 0.25,
      'flush.messages': JSON.parse('9223372036854775807'),
      'compression.type': 'zstd',
      'segment.ms': null,
    }),
  )
  assert.deepEqual(Object.fromEntries(valid), {
    'retention.ms': '86400000',
    'segment.bytes': '2097152',
    'cleanup.policy': 'compact,delete',
    preallocate: 'true',
    'unclean.leader.election.enable': 'false',
    'min.cleanable.dirty.ratio': '0.25',
    'flush.messages': '9223372036854775807',
    'compression.type': 'zstd',
    'segment.ms': null,
  })
  assert.deepEqual(Object.fromEntries(validateTopicConfigs([['cleanup.policy', '']])), { 'cleanup.policy': '' })
})

test('a bad value is told with pointer, value and what is allowed', () => {
  const bad: [string, unknown, RegExp][] = [
    ['retention.ms', '7 days', /retention\.ms is "7 days"; it must be a whole number from -1 to 9223372036854775807/],
    ['retention.ms', '-2', /from -1 to/],
    ['retention.ms', 1.5, /is 1\.5/],
    ['retention.ms', true, /is true; .* as a string, number or boolean/],
    ['retention.ms', { a: 1 }, /is \{"a":1\}/],
    ['retention.ms', '9223372036854775808', /9223372036854775807/],
    ['retention.ms', 9_007_199_254_740_994, /is 9007199254740994/],
    ['segment.bytes', 1_048_575, /from 1048576 to 2147483647/],
    ['segment.bytes', '2147483648', /from 1048576 to 2147483647/],
    ['cleanup.policy', 'compact,compact', /each at most once/],
    ['cleanup.policy', 'shred', /"shred"; it must be a comma-separated list of delete, compact/],
    ['cleanup.policy', ['delete'], /\["delete"\]/],
    ['compression.type', 'brotli', /one of producer, uncompressed, gzip, snappy, lz4, zstd/],
    ['compression.gzip.level', 0, /0 is not allowed/],
    ['message.timestamp.type', 'createtime', /one of CreateTime, LogAppendTime/],
    ['min.cleanable.dirty.ratio', '1.1', /a number from 0 to 1/],
    ['min.cleanable.dirty.ratio', 'NaN', /a number from 0 to 1/],
    ['min.insync.replicas', 2, /keeps one replica/],
    ['preallocate', 'yes', /true or false/],
    ['segment.ms', 0, /from 1 to/],
  ]
  for (const [name, value, detail] of bad) {
    const [error, ...others] = refusal({ [name]: value }).options.errors ?? []
    assert.equal(others.length, 0)
    assert.equal(error?.pointer, `/configs/${name}`)
    assert.match(error?.detail ?? '', detail)
  }
})

test('a cluster keeps more than one replica', () => {
  const changes = [['min.insync.replicas', 2]] as const
  assert.deepEqual([...validateTopicConfigs(changes, { isCluster: true })], [['min.insync.replicas', '2']])
  assert.throws(() => validateTopicConfigs([['min.insync.replicas', 0]], { isCluster: true }), /from 1/)
})

test('an unknown name is told with what was probably meant', () => {
  const meant: [string, RegExp][] = [
    ['retension.ms', /"retension\.ms" is not a topic config; did you mean retention\.ms\?/],
    ['retentionMs', /did you mean retention\.ms\?/],
    ['bytes.segment', /did you mean segment\.bytes\?/],
    ['log.retention.hours', /did you mean retention\.ms\?/],
    ['message.max.bytes', /did you mean max\.message\.bytes\?/],
    ['colour', /"colour" is not a topic config$/],
  ]
  for (const [name, detail] of meant) assert.match(refusal({ [name]: '1' }).message, detail)
  assert.equal(refusal({ 'a/b~c': 1 }).options.errors?.[0]?.pointer, '/configs/a~1b~0c')
})

test('names that Kafka has and we do not are refused with the reason', () => {
  assert.match(refusal({ 'remote.storage.enable': false }).message, /tiered storage is not set up over HTTP/)
  assert.match(refusal({ 'local.retention.ms': null }).message, /set retention\.ms/)
  assert.match(refusal({ 'message.format.version': '3.0' }).message, /Kafka 4\.0 removed it/)
})

test('all faults are told at once, at most a hundred of them in full', () => {
  const error = refusal(Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x${index}`, 1])))
  assert.equal(error.options.errors?.length, 100)
  assert.equal(error.options.errorCount, 150)
  assert.match(error.message, /and 149 more/)
})

test('the compaction lags are checked against each other and what stands already', () => {
  assert.match(
    refusal({ 'min.compaction.lag.ms': 10, 'max.compaction.lag.ms': 9 }).message,
    /min\.compaction\.lag\.ms would be 10, above max\.compaction\.lag\.ms, 9/,
  )
  const overrides = new Map([['min.compaction.lag.ms', '10']])
  const error = refusal({ 'max.compaction.lag.ms': 9 }, { overrides })
  assert.equal(error.options.errors?.[0]?.pointer, '/configs/max.compaction.lag.ms')
  refusal({ 'min.compaction.lag.ms': 10 }, { brokerDefaults: new Map([['max.compaction.lag.ms', '9']]) })
  validateTopicConfigs(
    [
      ['min.compaction.lag.ms', null],
      ['max.compaction.lag.ms', 9],
    ],
    { overrides },
  )
  validateTopicConfigs([['min.compaction.lag.ms', 10]], { overrides })
})
