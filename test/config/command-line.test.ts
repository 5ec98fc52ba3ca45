import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandLineAction, type CommandLineAction } from '../../src/config/command-line.ts'

function run(...argv: string[]): CommandLineAction {
  return commandLineAction(
    { argv, env: {}, readFile: () => Buffer.from('num.io.threads=3\nnum.partitions=6\n') },
    '1.2.3',
  )
}

test('without arguments it starts', () => {
  const action = run()
  assert.equal(action.kind, 'start')
})

test('--help and --version are answered whatever else there is', () => {
  for (const flag of ['--help', '-h']) {
    const help = run('--set', 'nonsense', flag)
    assert.ok(help.kind === 'print')
    assert.match(help.text, /^Posthorn 1\.2\.3: .*\n\nUsage: posthorn \[options\] +start the server\n/)
    assert.match(help.text, /docs\/configuration\.md/)
    assert.ok(help.text.split('\n').every((line) => line.length <= 120))
  }
  assert.deepEqual(run('--version'), { kind: 'print', text: 'posthorn 1.2.3\n', exitCode: 0 })
  assert.deepEqual(run('-v', '--prot'), { kind: 'print', text: 'posthorn 1.2.3\n', exitCode: 0 })
})

test('help tells how to serve a cluster', () => {
  const help = run('--help')
  assert.ok(help.kind === 'print')
  assert.match(help.text, /^ {2}engine +embedded +.*kafka/m)
  assert.match(help.text, /^ {2}bootstrap\.servers +.*engine=kafka/m)
})

test('--check-config prints every setting in force with where it comes from', () => {
  const action = run('--config', 'a/s.properties', '--check-config', '--set', 'log.retention.hours=1')
  assert.ok(action.kind === 'print')
  assert.match(action.text, /^# warning: accepted without effect: num\.io\.threads\n/)
  assert.match(action.text, /^num\.partitions=6 +# s\.properties line 2$/m)
  assert.match(action.text, /^log\.retention\.ms=3600000 +# --set$/m)
  assert.match(action.text, /^log\.segment\.bytes=1073741824 +# default$/m)
})

test('a wrong configuration fails with 2 and one line a problem, also under --check-config', () => {
  for (const flags of [[], ['--check-config']]) {
    const action = run(...flags, '--port', 'x', '--set', 'a=1', '--config')
    assert.ok(action.kind === 'fail')
    assert.equal(action.exitCode, 2)
    assert.match(
      action.text,
      /^--config: needs a value\na=1 \(--set\): there is no such setting\nport=x \(--port\): must be .*\n$/,
    )
  }
})

test('--port and --log-dirs are short for settings', () => {
  const action = run('--port=9000', '--log-dirs', '/a,/b')
  assert.ok(action.kind === 'start')
  assert.deepEqual(action.loaded.config.listeners, [{ host: '127.0.0.1', port: 9000 }])
  assert.deepEqual(action.loaded.config.logDirs, ['/a', '/b'])
})

test('with engine=kafka there is nothing to repair, and --check-config shows how the cluster is reached', () => {
  const kafka = ['--set', 'engine=kafka', '--set', 'bootstrap.servers=kafka-1:9092', '--set', 'log.dirs=/a']
  const refused = run('repair', ...kafka)
  assert.ok(refused.kind === 'fail')
  assert.equal(refused.exitCode, 2)
  assert.match(refused.text, /^repair: .*engine=kafka has none; .*Kafka's own tools\n$/)
  const password = [
    '--set',
    'security.protocol=SASL_SSL',
    '--set',
    'sasl.username=u',
    '--set',
    'sasl.password=p4ssw0rd',
  ]
  const checked = run('--check-config', ...kafka, ...password)
  assert.ok(checked.kind === 'print')
  assert.match(checked.text, /^# warning: log\.dirs=\/a \(--set\) has no effect with engine=kafka: /m)
  assert.match(checked.text, /^bootstrap\.servers=kafka-1:9092 +# --set$/m)
  assert.match(checked.text, /^sasl\.password=… +# --set$/m)
  assert.doesNotMatch(checked.text, /p4ssw0rd/)
  assert.equal(run('--check-config', '--set', 'engine=kafka').kind, 'fail')
})

test('repair takes the settings that the server takes, and no further word', () => {
  const action = run('repair', '--log-dirs', '/a,/b')
  assert.equal(action.kind, 'repair')
  assert.deepEqual(action.kind === 'repair' && action.loaded.config.logDirs, ['/a', '/b'])
  const wrong = run('repair', 'everything')
  assert.match(wrong.kind === 'fail' ? wrong.text : '', /^everything: not understood/)
})

test('verify takes directories, or those of the configuration; dump-log takes files', () => {
  const named = run('verify', '/a', '--json', '/b')
  assert.deepEqual(named, { kind: 'verify', directories: ['/a', '/b'], flags: new Set(['json']) })
  const configured = run('verify', '--log-dirs', '/c,/d')
  assert.deepEqual(configured.kind === 'verify' && configured.directories, ['/c', '/d'])
  const files = run('dump-log', '--print-data', '/a/1.log')
  assert.deepEqual(files, { kind: 'dump-log', files: ['/a/1.log'], flags: new Set(['print-data']) })
})

test("a command's own options are refused elsewhere, and dump-log without a file", () => {
  const misplaced = run('verify', '/a', '--print-data')
  assert.equal(misplaced.kind === 'fail' && misplaced.text, '--print-data: is an option of posthorn dump-log\n')
  const start = run('--json')
  assert.match(
    start.kind === 'fail' ? start.text : '',
    /^--json: is an option of posthorn verify and posthorn dump-log/,
  )
  const nothing = run('dump-log')
  assert.match(nothing.kind === 'fail' ? nothing.text : '', /^dump-log: name at least one segment file/)
})

test('each command has a help of its own', () => {
  for (const command of ['repair', 'verify', 'dump-log']) {
    const help = run(command, '--help')
    assert.ok(help.kind === 'print')
    assert.match(help.text, new RegExp(`^Usage: posthorn ${command} `))
    assert.ok(help.text.split('\n').every((line) => line.length <= 120))
  }
})
