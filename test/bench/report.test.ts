import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderDescription, renderPart, type RunDescription } from '../../bench/report.ts'

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
})

test('a part that failed shows its rows up to there, and why', () => {
  const text = renderPart({ part: 'read', rows: [{ work: 'read', errors: 0 }], failure: 'the server ended' })
  assert.match(text, /^### read\n\n\| work[^]*\| read[^]*This part failed: the server ended\n$/)
})
