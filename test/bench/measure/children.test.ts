import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Children } from '../../../bench/measure/children.ts'

const node = (script: string): string[] => [process.execPath, '-e', script]

test('what a process writes is returned', async () => {
  assert.equal(await new Children().run('good', node('console.log(7)')), '7\n')
})

test('a process that dies is an error with all it said', async () => {
  await assert.rejects(new Children().run('bad', node('console.error("no disk"); process.exit(3)')), (error: Error) => {
    assert.match(error.message, /^bad ended with 3; it said:\n[^]*no disk/)
    return true
  })
})

test('a program that is not there is told', async () => {
  await assert.rejects(new Children().run('wrk', ['no-such-program']), /ENOENT/)
})

test('an end that nobody asked for is known', async () => {
  const child = new Children().start('short', node(''))
  assert.equal(child.diedAlone, false)
  await child.ended
  assert.equal(child.diedAlone, true)
})

test('none outlives killAll', async () => {
  const children = new Children()
  const child = children.start('long', node('setInterval(() => {}, 1000)'))
  children.killAll()
  assert.equal((await child.ended).signal, 'SIGKILL')
  assert.equal(child.diedAlone, false)
})
