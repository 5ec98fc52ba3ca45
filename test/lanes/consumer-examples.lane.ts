import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { exampleNames } from './groups/example-consumer.ts'
import { examplesShareTopic } from './groups/example-group.ts'
import { RestartableServer } from './groups/restartable-server.ts'

for (const [port, first, second] of [
  [18_783, 'consumer.ts', 'consumer.py'],
  [18_784, 'consumer.py', 'consumer.ts'],
] as const)
  test(`${first} shares its partitions with ${second}, and both go on after the server was restarted`, async (t) => {
    const data = join(tempDirectory(t), 'data')
    mkdirSync(data)
    const server = await RestartableServer.start(data, port, [])
    cleanUpBehind(t, () => server.stop())
    await examplesShareTopic(t, { server, first, second })
  })

test('the examples are short enough to be read', () => {
  for (const name of exampleNames) {
    const text = readFileSync(join(repositoryRoot, 'examples', name), 'utf8')
    assert.ok(text.trimEnd().split('\n').length <= 60, name)
  }
})
