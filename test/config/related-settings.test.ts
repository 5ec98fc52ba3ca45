import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, problems, set, topicConfig } from './given-config.ts'

test('a cluster is reached with settings that fit together, and only with engine=kafka', () => {
  const kafka = ['engine=kafka', 'bootstrap.servers=a:9092,[::1]:9093'] as const
  const jaas = String.raw`sasl.jaas.config=x.PlainLoginModule required username="u" password="p\"q\\" ;`
  const bad: readonly (readonly [readonly string[], RegExp])[] = [
    [['engine=kafka'], /set bootstrap\.servers/],
    [['bootstrap.servers=a:9092'], /set engine=kafka/],
    [['engine=kafka', 'bootstrap.servers=a'], /host:port/],
    [[...kafka, 'security.protocol=SASL_SSL'], /set sasl\.jaas\.config, or sasl\.username and sasl\.password/],
    [[...kafka, 'security.protocol=SASL_SSL', 'sasl.username=u'], /sasl\.password/],
    [[...kafka, 'security.protocol=SASL_SSL', 'sasl.jaas.config=x required;'], /must have username=/],
    [[...kafka, 'sasl.mechanism=GSSAPI'], /one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512/],
  ]
  for (const [settings, pattern] of bad) assert.match(problems(set(...settings)).join('\n'), pattern)
  const { config, rows } = load(set(...kafka, 'security.protocol=SASL_PLAINTEXT', jaas))
  assert.deepEqual(config.bootstrapServers, ['a:9092', '[::1]:9093'])
  assert.equal(config.defaultReplicationFactor, -1)
  assert.equal(rows.find(({ name }) => name === 'sasl.jaas.config')?.value, '…')
  assert.equal(load(set(...kafka, 'default.replication.factor=3')).config.defaultReplicationFactor, 3)
  const { warnings } = load(set('ssl.keystore.location=/a.jks', 'request.timeout.ms=5'))
  assert.deepEqual(warnings, ['without effect while engine=embedded: request.timeout.ms, ssl.keystore.location'])
})

test('with engine=kafka each setting that only the embedded engine has a use for is one warning, if it was given', () => {
  const kafka = ['engine=kafka', 'bootstrap.servers=a:9092'] as const
  assert.deepEqual(load(set(...kafka)).warnings, [])
  const useful = ['num.partitions=3', 'delete.topic.enable=false', 'request.max.bytes=1000000', 'log.level=warn']
  assert.deepEqual(load(set(...kafka, ...useful)).warnings, [])
  const idle = [
    'log.dir=/a',
    'node.id=7',
    'log.retention.hours=1',
    'offsets.retention.minutes=5',
    'log.cleaner.threads=2',
  ]
  assert.deepEqual(load(set(...kafka, ...idle)).warnings, [
    'log.dir=/a (--set) has no effect with engine=kafka: a gateway keeps no records on its own disks',
    'node.id=7 (--set) has no effect with engine=kafka: a gateway is no node of the cluster',
    'log.cleaner.threads=2 (--set) has no effect with engine=kafka: the brokers remove and compact, as they are set',
    'log.retention.hours=1 (--set) has no effect with engine=kafka: a topic has from its brokers what it does not set itself',
    'offsets.retention.minutes=5 (--set) has no effect with engine=kafka: the brokers keep the groups, as they are set',
  ])
  assert.deepEqual(load(set(...idle)).warnings, [], 'with the embedded engine they have their effect')
})

test("retention has Kafka's units and precedence", () => {
  const cases: [string[], number][] = [
    [[], 604_800_000],
    [['log.retention.hours=2'], 7_200_000],
    [['log.retention.hours=2', 'log.retention.minutes=3'], 180_000],
    [['log.retention.minutes=3', 'log.retention.ms=4', 'log.retention.hours=2'], 4],
    [['log.retention.hours=-1'], -1],
    [['log.retention.minutes=-1'], -1],
  ]
  for (const [settings, expected] of cases) assert.equal(topicConfig(set(...settings)).retentionMs, expected)
  for (const bad of ['ms=0', 'hours=0', 'minutes=0', 'hours=-2', 'hours=1.5']) {
    assert.match(problems(set(`log.retention.${bad}`))[0] ?? '', /0 is not allowed/)
  }
})

test('what means the same in a later place wins over a finer unit in an earlier one', () => {
  const given = { file: 'log.retention.ms=5', env: { POSTHORN_LOG_RETENTION_HOURS: '1' } }
  assert.equal(topicConfig(given).retentionMs, 3_600_000)
  assert.deepEqual(load(given).warnings, [
    'log.retention.ms=5 (server.properties line 1) has no effect: log.retention.hours=1 (environment POSTHORN_LOG_RETENTION_HOURS) counts',
  ])
  assert.deepEqual(load({ file: 'log.dirs=/a', env: { POSTHORN_LOG_DIR: '/b' } }).config.logDirs, ['/b'])
  assert.deepEqual(load({ file: 'log.dir=/a\nlog.dirs=/b' }).config.logDirs, ['/b'])
})

test('log.roll.ms, log.segment.ms and log.roll.hours all mean segment.ms', () => {
  assert.equal(topicConfig(set('log.roll.ms=7')).segmentMs, 7)
  assert.equal(topicConfig(set('log.segment.ms=8')).segmentMs, 8)
  assert.equal(topicConfig(set('log.roll.hours=1')).segmentMs, 3_600_000)
  assert.equal(topicConfig(set('log.roll.hours=1', 'log.segment.ms=8')).segmentMs, 8)
  assert.equal(topicConfig(set('log.roll.jitter.hours=1')).segmentJitterMs, 3_600_000)
})

test('node.id and broker.id fill each other and must not contradict', () => {
  assert.equal(load(set('broker.id=7')).config.nodeId, 7)
  assert.equal(load(set('node.id=8')).config.nodeId, 8)
  assert.equal(load(set('node.id=8', 'broker.id= 08')).config.nodeId, 8)
  assert.equal(load({ file: 'node.id=1', ...set('broker.id=9') }).config.nodeId, 9)
  assert.match(problems(set('node.id=8', 'broker.id=9'))[0] ?? '', /broker\.id=9 .* must be what node\.id=8/)
  assert.equal(problems(set('node.id=8', 'broker.id=x')).length, 1)
})

test('rules that span two settings', () => {
  const bad: [string[], RegExp][] = [
    [
      ['page.default.records=600', 'page.max.records=500'],
      /page\.default\.records is 600: it must not be above page\.max\.records, 500/,
    ],
    [['num.partitions=2000'], /topic\.partitions\.max, 1000/],
    [['request.max.bytes=134217728'], /produce\.inflight\.max\.bytes/],
    [['journal.direct.min.bytes=33554432'], /a quarter of journal\.file\.bytes/],
    [
      ['log.cleaner.min.compaction.lag.ms=5', 'log.cleaner.max.compaction.lag.ms=4'],
      /log\.cleaner\.max\.compaction\.lag\.ms, 4/,
    ],
    [['group.consumer.session.timeout.ms=30000'], /min\.session\.timeout\.ms is 45000: it must not be above .*, 30000/],
    [['group.consumer.session.timeout.ms=70000'], /max\.session\.timeout\.ms, 60000/],
    [['group.consumer.heartbeat.interval.ms=4000'], /min\.heartbeat\.interval\.ms is 5000/],
    [['group.consumer.heartbeat.interval.ms=16000'], /max\.heartbeat\.interval\.ms, 15000/],
    [
      ['group.consumer.heartbeat.interval.ms=45000', 'group.consumer.max.heartbeat.interval.ms=50000'],
      /heartbeat\.interval\.ms is 45000: it must be below the session timeout/,
    ],
    [['group.consumer.assignors='], /assignors: name at least one/],
    [['group.consumer.assignors=fair'], /uniform, range/],
    [['group.consumer.max.size=0'], /group\.consumer\.max\.size/],
    [['log.dirs=/a,/a/b'], /\/a\/b must not be the same as or lie within \/a/],
    [['log.dirs=/a,/x/../a'], /must not be the same/],
    [['log.dirs='], /at least one/],
    [['default.replication.factor=3'], /must be 1 \(this server keeps one replica/],
    [['offsets.topic.replication.factor=3'], /must be 1 \(/],
    [['process.roles=controller'], /must hold broker/],
  ]
  for (const [settings, pattern] of bad) assert.match(problems(set(...settings)).join('\n'), pattern)
  load(set('log.dirs=/a,/ab', 'page.default.records=500', 'page.max.records=500'))
})
