import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig, type LoadedConfig } from '../../src/config/load-config.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

interface Given {
  file?: string
  env?: Record<string, string>
  argv?: string[]
}

function load({ file, env = {}, argv = [] }: Given): LoadedConfig {
  const config = file === undefined ? [] : ['--config', '/etc/posthorn/server.properties']
  return loadConfig({
    argv: [...config, ...argv],
    env,
    readFile: (path) => {
      assert.equal(path, '/etc/posthorn/server.properties')
      return Buffer.from(file ?? '')
    },
  })
}

function problems(given: Given): readonly string[] {
  try {
    load(given)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(given)}` })
}

function set(...settings: string[]): Given {
  return { argv: settings.flatMap((setting) => ['--set', setting]) }
}

function topicConfig(given: Given): ReturnType<typeof resolveTopicConfig> {
  return resolveTopicConfig(load(given).config.brokerTopicDefaults, new Map())
}

function fixture(name: string): string {
  return readFileSync(`${repositoryRoot}/test/fixtures/server-properties/${name}`, 'utf8')
}

test('with nothing given everything has its default', () => {
  const { config, warnings, rows } = load({})
  assert.deepEqual(warnings, [])
  assert.deepEqual(config.listeners, [{ host: '127.0.0.1', port: 8082 }])
  assert.deepEqual(config.logDirs, ['./data'])
  assert.equal(config.nodeId, 1)
  assert.equal(config.brokerRack, undefined)
  assert.equal(config.autoCreateTopicsEnable, true)
  assert.equal(config.numPartitions, 1)
  assert.equal(config.numRecoveryThreadsPerDataDir, 2)
  assert.equal(config.offsetsTopicNumPartitions, 50)
  assert.equal(config.requestMaxBytes, 33_554_432)
  assert.equal(config.engine, 'embedded')
  assert.deepEqual(config.allowedHosts, [])
  assert.equal(config.brokerTopicDefaults.size, 0)
  assert.ok(rows.every(({ origin }) => origin === 'default'))
})

test('the file, then the environment, then the command line: the later wins', () => {
  const file = 'num.partitions=2\nlog.dirs=/a\nmessage.max.bytes=1000\nlog.level=debug'
  const env = { POSTHORN_NUM_PARTITIONS: '3', POSTHORN_LOG_DIRS: '/b, /c', PATH: '/bin' }
  const { config, rows } = load({ file, env, argv: ['--set', 'num.partitions=5', '--set=num.partitions=4'] })
  assert.equal(config.numPartitions, 4)
  assert.deepEqual(config.logDirs, ['/b', '/c'])
  assert.deepEqual([...config.brokerTopicDefaults], [['max.message.bytes', '1000']])
  assert.equal(config.logLevel, 'debug')
  const origin = (name: string): string | undefined => rows.find((row) => row.name === name)?.origin
  assert.equal(origin('num.partitions'), '--set')
  assert.equal(origin('log.dirs'), 'environment POSTHORN_LOG_DIRS')
  assert.equal(origin('message.max.bytes'), 'server.properties line 3')
})

test("Kafka's own sample file starts as it is, and says what it does not mean here", () => {
  const { config, warnings } = load({ file: fixture('kafka-4-combined.properties') })
  assert.deepEqual(config.listeners, [{ host: '0.0.0.0', port: 9092 }])
  assert.deepEqual(config.logDirs, ['/tmp/kraft-combined-logs'])
  assert.equal(config.nodeId, 1)
  assert.equal(config.numRecoveryThreadsPerDataDir, 1)
  assert.equal(warnings.length, 3)
  assert.match(
    warnings[0] ?? '',
    /^accepted without effect: advertised\.listeners, controller\.quorum\.boot.*num\.io\.threads/,
  )
  assert.match(
    warnings[1] ?? '',
    /PLAINTEXT:\/\/:9092 serves HTTP, not Kafka's protocol, at http:\/\/0\.0\.0\.0:9092, on all interfaces/,
  )
  assert.match(warnings[2] ?? '', /CONTROLLER:\/\/:9093 is not opened/)
})

test('the sample file from the time of ZooKeeper starts once those lines are gone', () => {
  const file = fixture('kafka-3-broker.properties')
  const [connect, timeout, ...others] = problems({ file })
  assert.match(
    connect ?? '',
    /zookeeper\.connect=localhost:2181 \(server\.properties line 16\): refused: .* needs no ZooKeeper .* set log\.dirs .* and node\.id/,
  )
  assert.match(timeout ?? '', /zookeeper\.connection\.timeout\.ms.*remove the line/)
  assert.deepEqual(others, [])
  const { config } = load({ file: file.replace(/^zookeeper.*$/gm, '') })
  assert.equal(config.nodeId, 0)
})

test('every problem is told at once, each in a line of its own', () => {
  const found = problems({
    file: 'num.partitions=0\nlog.retension.ms=5\nauthorizer.class.name=Acl\nbad name\\\n=1',
    env: { POSTHORN_LOG_RETENTION_HOUR: '1', POSTHORN_PAGE_MAX_RECORDS: 'many' },
    argv: ['--prot=1', '--set', 'x', 'stray', '--check-config=1'],
  })
  const expected = [
    /^environment POSTHORN_LOG_RETENTION_HOUR: there is no such setting; did you mean POSTHORN_LOG_RETENTION_HOURS\?$/,
    /^--prot: there is no such option; did you mean --port\?$/,
    /^--set x: must be name=value$/,
    /^--check-config: takes no value$/,
    /^stray: not understood/,
    /^log\.retension\.ms=5 \(server\.properties line 2\): there is no such setting; did you mean log\.retention\.ms\?$/,
    /^authorizer\.class\.name=Acl \(server\.properties line 3\): refused: there is no authorization/,
    /^bad=name=1 \(server\.properties line 4\): there is no such setting$/,
    /^num\.partitions=0 \(server\.properties line 1\): must be a whole number from 1 to 2147483647$/,
    /^page\.max\.records=many \(environment POSTHORN_PAGE_MAX_RECORDS\): must be a whole number from 1 to 100000$/,
  ]
  for (const pattern of expected)
    assert.ok(
      found.some((line) => pattern.test(line)),
      `${pattern} in\n${found.join('\n')}`,
    )
  assert.equal(found.length, expected.length)
})

test('a problem stays one line and shows no secret', () => {
  const [line = ''] = problems(set(`no.such.password=hunter2`))
  assert.doesNotMatch(line, /hunter2/)
  const [other = ''] = problems({ file: 'num.partitions=a\\nb' })
  assert.match(other, /num\.partitions=a\\nb /)
})

test('refusals are for values that promise something', () => {
  assert.match(problems(set('remote.log.storage.system.enable=true'))[0] ?? '', /tiered storage/)
  load(set('remote.log.storage.system.enable=false', 'authorizer.class.name=', 'zookeeper.connect='))
  assert.match(problems(set('config.providers.x.class=y'))[0] ?? '', /no provider/)
  assert.match(problems(set('host.name=x'))[0] ?? '', /set listeners=/)
})

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

test("a topic's name for a setting leads to the server's", () => {
  assert.match(problems(set('retention.ms=1'))[0] ?? '', /the server's setting behind it is log\.retention\.ms$/)
})

test('settings of plugins and single listeners are let through', () => {
  const { warnings } = load(set('rsm.config.x=1', 'listener.name.plaintext.ssl.client.auth=none'))
  assert.equal(warnings[0], 'accepted without effect: listener.name.plaintext.ssl.client.auth, rsm.config.x')
})

test('a name twice in one file: the last counts, with a warning', () => {
  const { config, warnings } = load({ file: 'num.partitions=2\n\nnum.partitions=3' })
  assert.equal(config.numPartitions, 3)
  assert.deepEqual(warnings, [
    'server.properties: num.partitions is there on line 1 and again on line 3: the last counts',
  ])
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

test("what Kubernetes sets for a service of the server's name is nobody's configuration", () => {
  const env = {
    POSTHORN_PORT: 'tcp://10.0.0.7:8082',
    POSTHORN_SERVICE_HOST: '10.0.0.7',
    POSTHORN_SERVICE_PORT: '8082',
    POSTHORN_SERVICE_PORT_HTTP: '8082',
    POSTHORN_PORT_8082_TCP: 'tcp://10.0.0.7:8082',
    POSTHORN_PORT_8082_TCP_ADDR: '10.0.0.7',
  }
  assert.equal(load({ env }).config.listeners[0]?.port, 8082)
  assert.equal(load({ env: { POSTHORN_PORT: '9000' } }).config.listeners[0]?.port, 9000)
})

test('a file that cannot be read or is broken is told', () => {
  const sources = { argv: ['--config', 'x.properties'], env: {} }
  const unreadable = (): Uint8Array => {
    throw new Error('ENOENT: no such file')
  }
  assert.throws(() => loadConfig({ ...sources, readFile: unreadable }), /--config x\.properties: ENOENT/)
  assert.match(problems({ file: 'a=\\u12' })[0] ?? '', /line 1: \\u must be followed by four/)
})
