import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allAreFigures, renderDescription, renderPart, type RunDescription } from '../../bench/report.ts'

const run: RunDescription = {
  command: 'npm run bench -- --quick',
  began: '2026-01-02T03:04:05.000Z',
  machine: {
    processors: '2 × Some CPU',
    memoryGiB: 8,
    system: 'Linux 6.1',
    node: 'v24.0.0',
    storage: 'ext4 on /dev/sda (rw), 50 GiB free',
    storageIsMemory: false,
  },
  generator: 'wrk 4',
  serverCommand: 'node src/main.ts',
  quick: false,
  profiled: false,
}

test('the machine, the command and the generator stand above the tables', () => {
  const text = renderDescription(run)
  for (const part of ['2 × Some CPU', '8 GiB', 'Linux 6.1', 'v24.0.0', 'ext4 on /dev/sda', '--quick', 'wrk 4']) {
    assert.ok(text.includes(part), part)
  }
  assert.doesNotMatch(text, /\*\*/)
})

test('what makes the figures worthless is said', () => {
  assert.match(renderDescription({ ...run, machine: { ...run.machine, storageIsMemory: true } }), /in memory.*--dir/)
  assert.match(renderDescription({ ...run, profiled: true }), /profiled/)
  assert.match(renderDescription({ ...run, quick: true }), /too short/)
})

test('a part that failed shows its rows up to there, and why', () => {
  const failure = 'the server ended with 1; it said:\nno disk\n'
  const text = renderPart({ part: 'read', seconds: 12, rows: [{ work: 'read', errors: 0 }], failure })
  assert.match(
    text,
    /^### read \(12 s\)\n\n\| work[^]*\| read[^]*This part failed:\n\n```\nthe server[^]*no disk\n```\n$/,
  )
})

test('a run whose parts failed, or whose requests did, is not one to rely on; a goal that is missed is a figure', () => {
  const missed = { work: 'read', errors: 0, mustReach: { goal: '≥ 1.0 ×', met: false } }
  const good = { part: 'read', seconds: 1, rows: [missed, { work: 'start' }] }
  assert.equal(allAreFigures([good]), true)
  assert.equal(allAreFigures([good, { ...good, failure: 'the server ended' }]), false)
  assert.equal(allAreFigures([good, { ...good, rows: [{ work: 'read', errors: 1 }] }]), false)
})
