import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { CommitHistory } from './commit-history.ts'
import { Findings } from './findings.ts'
import { TopicModel, type TopicState } from './topic-model.ts'

const plain: TopicState = { partitions: 1, retentionMs: '1', records: 0 }

let findings: Findings
let model: TopicModel

beforeEach(() => {
  findings = new Findings()
  model = new TopicModel(findings, () => 0)
})

function create(topic: string): void {
  model.sent(topic, `PUT ${topic}`, () => plain)
  model.acknowledged(topic)
}

test('topics as acknowledged, or as a call without an answer would have them', () => {
  create('a')
  create('b')
  create('c')
  model.sent('a', 'PATCH', (state) => state && { ...state, partitions: 2 })
  model.sent('b', 'DELETE', () => undefined)
  model.sent('d', 'PUT', () => plain)
  const raised = { ...plain, partitions: 2 }
  model.audit(
    new Map([
      ['a', raised],
      ['c', plain],
    ]),
    5,
  )
  assert.deepEqual(findings.violations, [])
  // What was found is what is known from now on.
  model.audit(
    new Map([
      ['a', raised],
      ['c', plain],
    ]),
    5,
  )
  assert.deepEqual([findings.violations, model.state('b'), model.state('a')], [[], undefined, raised])
})

test('an acknowledged topic that is gone is told with the time between', () => {
  create('a')
  model.audit(new Map(), 5)
  assert.match(findings.violations[0] ?? '', /topic a: PUT a 5.0 ms before the crash: 1 partitions.*it is not there/)
  assert.equal(findings.lost, 1)
})

test('a deleted topic that is back, a change that is gone, a record that is gone, a topic that nobody made', () => {
  create('a')
  model.sent('a', 'DELETE', () => undefined)
  model.acknowledged('a')
  create('b')
  model.sent('b', 'PATCH', (state) => state && { ...state, retentionMs: '7' })
  model.acknowledged('b')
  create('c')
  model.sent('c', 'POST', (state) => state && { ...state, records: 1 })
  model.acknowledged('c')
  const found = ['a', 'b', 'c', 'd'].map((topic): [string, TopicState] => [topic, plain])
  model.audit(new Map(found), 5)
  assert.equal(findings.violations.length, 4, findings.violations.join('\n'))
})

test('a change that was refused must not be there', () => {
  create('a')
  model.sent('a', 'PATCH', (state) => state && { ...state, partitions: 2 })
  model.refused('a')
  model.audit(new Map([['a', { ...plain, partitions: 2 }]]), 5)
  assert.equal(findings.violations.length, 1)
})

test('committed offsets neither go back nor beyond what was sent', () => {
  const commits = new CommitHistory('g', findings)
  commits.sent(1, 1)
  commits.acknowledged(2, 1)
  commits.sent(3, 2)
  commits.observed(4, 5, 1)
  commits.observed(6, 7, 2)
  assert.deepEqual(findings.violations, [])
  commits.observed(8, 9, 1)
  assert.deepEqual([findings.movedBack, findings.violations.length], [1, 1])
  commits.observed(10, 11, 3)
  assert.match(findings.violations[1] ?? '', /stands at 3, and nobody committed above 2/)
  commits.observed(12, 13, null)
  assert.equal(findings.movedBack, 2)
})
