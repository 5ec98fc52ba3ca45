import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CpuProfile, renderLines, topLines } from '../../../bench/measure/cpu-profile.ts'

const frame = (functionName: string, url = '', lineNumber = -1) => ({ functionName, url, lineNumber })

const profile: CpuProfile = {
  startTime: 1000,
  nodes: [
    { id: 1, callFrame: frame('(idle)') },
    { id: 2, callFrame: frame('parse', 'file:///home/me/posthorn/src/http/json/parse.ts', 9) },
    { id: 3, callFrame: frame('parse', 'file:///home/me/posthorn/src/http/json/parse.ts', 9) },
    { id: 4, callFrame: frame('(garbage collector)') },
    { id: 5, callFrame: frame('', 'node:internal/timers', 4) },
  ],
  samples: [5, 1, 2, 3, 4],
  timeDeltas: [500, 500, 300, 300, 400],
}

test('time is summed by function, idle time and the time before the load left out, most first', () => {
  assert.deepEqual(topLines(profile, 2000, 10), [
    { percent: 60, place: 'parse http/json/parse.ts:10' },
    { percent: 40, place: '(garbage collector)' },
  ])
  assert.deepEqual(
    topLines(profile, 0, 2).map(({ place }) => place),
    ['parse http/json/parse.ts:10', '(anonymous) node:internal/timers:5'],
  )
})

test('lines read as a list', () => {
  assert.equal(renderLines([{ percent: 6.04, place: 'parse' }]), '  6.0 %  parse')
})
