import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GroupQueues } from '../../../src/embedded/groups/group-queues.ts'

interface Step {
  readonly group: string
  readonly staged: string[]
}

/** Steps that end when a test says so. */
class HeldSteps {
  readonly steps: Step[] = []
  #ends: { resolve: () => void; reject: (error: unknown) => void }[] = []

  begin(group: string): Step {
    const step = { group, staged: [] }
    this.steps.push(step)
    return step
  }

  finish(): Promise<void> {
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }))
  }

  async end(error?: Error): Promise<void> {
    const end = this.#ends.shift()
    if (error === undefined) end?.resolve()
    else end?.reject(error)
    await settled()
  }

  staged(): string[] {
    return this.steps.map(({ group, staged }) => `${group}: ${staged.join(' ')}`)
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

function setup() {
  const steps = new HeldSteps()
  const queues = new GroupQueues<Step>(steps)
  const stage = (name: string) => (step: Step) => {
    step.staged.push(name)
    return () => `${name} of ${step.staged.length}`
  }
  return { steps, queues, stage }
}

test('what arrives during a step shares the next one; groups do not wait for each other', async () => {
  const { steps, queues, stage } = setup()
  const first = queues.submit('g', stage('a'))
  const others = Promise.all([queues.submit('g', stage('b')), queues.submit('g', stage('c'))])
  void queues.submit('h', stage('d'))
  assert.deepEqual(steps.staged(), ['g: a', 'h: d'])
  await steps.end()
  assert.equal(await first, 'a of 1')
  assert.deepEqual(steps.staged(), ['g: a', 'h: d', 'g: b c'])
  await steps.end()
  await steps.end()
  assert.deepEqual(await others, ['b of 2', 'c of 2'])
})

test('what wants a step of its own has one, in its turn', async () => {
  const { steps, queues, stage } = setup()
  void queues.submit('g', stage('a'))
  void queues.submit('g', stage('b'))
  void queues.submitAlone('g', stage('alone'))
  void queues.submit('g', stage('c'))
  for (let step = 0; step < 4; step++) await steps.end()
  assert.deepEqual(steps.staged(), ['g: a', 'g: b', 'g: alone', 'g: c'])
})

test('a refusal is its own answer alone; a step that fails fails all who are in it, and the next goes on', async () => {
  const { steps, queues, stage } = setup()
  const outcomes: string[] = []
  const watch = (name: string, answer: Promise<string>): void => {
    answer.then(
      (value) => outcomes.push(`${name} → ${value}`),
      (error: Error) => outcomes.push(`${name} ✗ ${error.message}`),
    )
  }
  watch('a', queues.submit('g', stage('a')))
  watch(
    'b',
    queues.submit('g', () => {
      throw new Error('refused')
    }),
  )
  watch('c', queues.submit('g', stage('c')))
  watch(
    'd',
    queues.submit('g', () => () => {
      throw new Error('no answer')
    }),
  )
  await steps.end(new Error('disk'))
  await steps.end()
  assert.deepEqual(outcomes, ['a ✗ disk', 'b ✗ refused', 'c → c of 1', 'd ✗ no answer'])
})

test('it is idle when no step is under way', async () => {
  const { steps, queues, stage } = setup()
  await queues.idle()
  void queues.submit('g', stage('a'))
  void queues.submit('g', stage('b'))
  let idle = false
  void queues.idle().then(() => (idle = true))
  await steps.end()
  assert.equal(idle, false)
  await steps.end()
  assert.equal(idle, true)
})
