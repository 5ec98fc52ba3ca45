import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig, type LoadedConfig } from '../../src/config/load-config.ts'

function load(...settings: string[]): LoadedConfig {
  return loadConfig({
    argv: settings.flatMap((setting) => ['--set', setting]),
    env: {},
    readFile: () => Buffer.alloc(0),
  })
}

function problem(...settings: string[]): string {
  try {
    load(...settings)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  throw new assert.AssertionError({ message: `accepted: ${settings.join(' ')}` })
}

function served(...settings: string[]): string[] {
  return load(...settings).config.listeners.map(({ host, port }) => `${host} ${port}`)
}

test('HTTP addresses', () => {
  assert.deepEqual(served('listeners=http://localhost:8082'), ['localhost 8082'])
  assert.deepEqual(served('listeners=HTTP://:0, http://[::1]:81/'), ['0.0.0.0 0', '::1 81'])
})

test("Kafka's listeners by name and protocol", () => {
  assert.deepEqual(served('listeners=plaintext://10.0.0.1:9092'), ['10.0.0.1 9092'])
  assert.deepEqual(served('listeners=IN://:1,OUT://:2', 'listener.security.protocol.map=IN:PLAINTEXT,OUT:PLAINTEXT'), [
    '0.0.0.0 1',
    '0.0.0.0 2',
  ])
  assert.deepEqual(served('listeners=PLAINTEXT://:1,QUORUM://:2', 'controller.listener.names=QUORUM'), ['0.0.0.0 1'])
})

test('what cannot be served is refused with the reason', () => {
  const bad: [string, RegExp][] = [
    ['https://:443', /TLS and authentication are not in this version/],
    ['SSL://:9093', /TLS and authentication/],
    ['SASL_SSL://:9093', /TLS and authentication/],
    ['WHAT://:9093', /WHAT is neither http nor a name in listener\.security\.protocol\.map/],
    ['http://localhost', /must be http:\/\/host:port/],
    ['http://localhost:65536', /port from 0 to 65535/],
    ['http://a:1/path', /must be http:\/\/host:port/],
    ['localhost:8082', /must be a comma-separated list such as/],
    ['', /must be a comma-separated list such as/],
    ['CONTROLLER://:9093', /none of them serves clients/],
    ['http://a:1,PLAINTEXT://a:1', /the same address is there twice/],
  ]
  for (const [listeners, pattern] of bad) assert.match(problem(`listeners=${listeners}`), pattern)
})

test('port moves the one listener, unless listeners was said as late', () => {
  assert.deepEqual(served('port=9000'), ['127.0.0.1 9000'])
  const file = Buffer.from('listeners=http://0.0.0.0:1')
  const later = loadConfig({ argv: ['--config', 'f', '--port', '2'], env: {}, readFile: () => file })
  assert.deepEqual(later.config.listeners, [{ host: '0.0.0.0', port: 2 }])
  const same = load('port=9000', 'listeners=http://a:1')
  assert.deepEqual(same.config.listeners, [{ host: 'a', port: 1 }])
  assert.match(same.warnings[0] ?? '', /port=9000 \(--set\) has no effect: listeners=/)
  const two = {
    argv: ['--config', 'f', '--port', '2'],
    env: {},
    readFile: () => Buffer.from('listeners=http://a:1,http://b:1'),
  }
  assert.throws(() => loadConfig(two), /there are 2 listeners; set their ports in listeners/)
})
