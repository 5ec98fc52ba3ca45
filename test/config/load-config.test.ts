import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load-config.ts'
import { load, problems, set, fixture } from './given-config.ts'

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
