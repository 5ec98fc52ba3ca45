import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCommand } from '../../../bench/measure/servers.ts'

test('the server is started as `npm start` does, with more flags before the file', () => {
  assert.deepEqual(startCommand('node --max-semi-space-size=8 --import ./a.js src/main.ts', ['--cpu-prof']), [
    process.execPath,
    '--max-semi-space-size=8',
    '--import',
    './a.js',
    '--cpu-prof',
    'src/main.ts',
  ])
  assert.throws(() => startCommand('tsx src/main.ts', []), /no node command: tsx/)
})
