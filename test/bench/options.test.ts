import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchCommand, type BenchOptions, optionsHelp } from '../../bench/options.ts'

const names = ['publish', 'read', 'cost']

function options(...argv: string[]): BenchOptions {
  const command = benchCommand(argv, names)
  assert.ok(command.kind === 'run', JSON.stringify(command))
  return command.options
}

function refusal(...argv: string[]): string {
  const command = benchCommand(argv, names)
  assert.ok(command.kind === 'refuse')
  return command.reason
}

test('without arguments all parts run, at full length', () => {
  const { parts, quick, logGib, profile, generator } = options()
  assert.deepEqual(
    { parts, quick, logGib, profile, generator },
    {
      parts: names,
      quick: false,
      logGib: 10,
      profile: false,
      generator: undefined,
    },
  )
})

test('--quick is less of everything, and what is said counts more', () => {
  assert.ok(options('--quick').repeats < options().repeats)
  assert.ok(options('--quick').logGib < 1)
  assert.equal(options('--quick', '--log-gib', '3').logGib, 3)
  assert.equal(options('--quick', '--repeats', '5').repeats, 5)
})

test('parts run in the order of the table, however they are asked for', () => {
  assert.deepEqual(options('--only', 'cost,publish').parts, ['publish', 'cost'])
  assert.deepEqual(options('--only', 'read', '--only', 'read').parts, ['read'])
})

test('mistakes are told with what is allowed', () => {
  assert.match(refusal('--only', 'raed'), /raed.*publish, read, cost/)
  assert.match(refusal('--fast'), /--fast/)
  assert.match(refusal('more'), /more/)
  assert.match(refusal('--seconds', '0.5'), /--seconds 0\.5: a whole number/)
  assert.match(refusal('--repeats', 'x'), /--repeats x/)
  assert.match(refusal('--log-gib', '-1'), /log-gib/)
  assert.match(refusal('--log-gib='), /--log-gib/)
  assert.match(refusal('--generator', 'ab'), /wrk or autocannon/)
})

test('--help names every part', () => {
  assert.equal(benchCommand(['--help', '--quick'], names).kind, 'help')
  assert.match(optionsHelp([{ name: 'publish', about: 'what it does' }]), /^ {2}publish {2}what it does$/m)
})
