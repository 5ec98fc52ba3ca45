import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig, type LoadedConfig } from '../../src/config/load-config.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

interface Given {
  file?: string
  env?: Record<string, string>
  argv?: string[]
}

export function load({ file, env = {}, argv = [] }: Given): LoadedConfig {
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

export function problems(given: Given): readonly string[] {
  try {
    load(given)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(given)}` })
}

export function set(...settings: string[]): Given {
  return { argv: settings.flatMap((setting) => ['--set', setting]) }
}

export function topicConfig(given: Given): ReturnType<typeof resolveTopicConfig> {
  return resolveTopicConfig(load(given).config.brokerTopicDefaults, new Map())
}

export function fixture(name: string): string {
  return readFileSync(`${repositoryRoot}/test/fixtures/server-properties/${name}`, 'utf8')
}
