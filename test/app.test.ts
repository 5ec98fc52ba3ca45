import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import { createLogger } from '../src/observability/logger.ts'
import { tempDirectory } from './support/temp-directory.ts'

test("without a cluster nothing of Kafka's client is loaded", async (t) => {
  const loaded: string[] = []
  const hooks = registerHooks({
    load(url, context, next) {
      if (/\/src\/kafka|@platformatic\/(kafka|dynamic-buffer)/.test(url)) loaded.push(url)
      return next(url, context)
    },
  })
  t.after(() => hooks.deregister())
  const { startPosthorn } = await import('../src/app.ts')
  const { loadConfig } = await import('../src/config/load-config.ts')
  const settings = [`log.dirs=${tempDirectory(t)}`, 'listeners=http://127.0.0.1:0']
  const argv = settings.flatMap((setting) => ['--set', setting])
  const { config } = loadConfig({ argv, env: {}, readFile: () => Buffer.alloc(0) })
  const server = await startPosthorn(config, createLogger('silent'))
  try {
    const { status } = await fetch(`${server.urls[0]}/cluster`)
    assert.equal(status, 200)
    assert.equal(loaded.length, 0, loaded.join())
  } finally {
    await server.close()
  }
  await import('../src/kafka/kafka-engine.ts')
  assert.ok(
    loaded.some((url) => url.includes('@platformatic/kafka')),
    'what is loaded is seen here',
  )
})
