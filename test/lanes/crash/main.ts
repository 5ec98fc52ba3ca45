import { globSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { basename, join } from 'node:path'
import process from 'node:process'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../../tidy/source-files.ts'

/** Runs the crash lanes, two at a time: `npm run test:crash -- --cycles 500 --lane kill`. */

const USAGE = `npm run test:crash -- [--lane <name>]... [--cycles <n> | --long] [--seed <n>]

  --lane <name>   only this lane; may be given more than once
  --cycles <n>    cycles (kills, cuts, seeds) of each lane
  --long          each lane's long form
  --seed <n>      of what is random; default 1
  --help          this text
`

/** Most wait for a disk or a start half of their time. */
const LANES_AT_ONCE = 2
/** Begun first, so that none of them goes on alone in the end. The others take seconds: they come last. */
const LONGEST_FIRST = ['kill', 'power', 'mixed', 'simulated-disk', 'stops', 'full-disk', 'io-errors', 'rot']

function turnOf(name: string): number {
  const turn = LONGEST_FIRST.indexOf(name)
  return turn < 0 ? LONGEST_FIRST.length : turn
}

const lanes = new Map(
  globSync('test/lanes/crash-*.lane.ts', { cwd: repositoryRoot })
    .toSorted()
    .map((file): [string, string] => [basename(file, '.lane.ts').slice('crash-'.length), file])
    .toSorted(([one], [other]) => turnOf(one) - turnOf(other)),
)

function fail(reason: string): never {
  process.stderr.write(`${reason}\n\n${USAGE}\nLanes: ${[...lanes.keys()].join(', ')}\n`)
  process.exit(2)
}

function argumentsGiven() {
  try {
    return parseArgs({
      options: {
        lane: { type: 'string', multiple: true },
        cycles: { type: 'string' },
        long: { type: 'boolean' },
        seed: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

function wholeNumber(option: string, text: string): string {
  return /^\d{1,9}$/.test(text) ? text : fail(`--${option} must be a whole number, not ${text}`)
}

const given = argumentsGiven()
if (given.help === true) {
  process.stdout.write(`${USAGE}\nLanes: ${[...lanes.keys()].join(', ')}\n`)
  process.exit(0)
}
const files = (given.lane ?? [...lanes.keys()]).map((name) => lanes.get(name) ?? fail(`there is no lane ${name}`))
const settings = {
  CRASH_CYCLES: given.cycles === undefined ? undefined : wholeNumber('cycles', given.cycles),
  CRASH_LONG: given.long === true ? '1' : undefined,
  CRASH_SEED: given.seed === undefined ? undefined : wholeNumber('seed', given.seed),
}
for (const [name, value] of Object.entries(settings)) if (value !== undefined) process.env[name] = value
// For the lanes and all that they start: hundreds of processes.
process.env['NODE_COMPILE_CACHE'] ??= enableCompileCache().directory

const tests = run({ files: files.map((file) => join(repositoryRoot, file)), concurrency: LANES_AT_ONCE })
tests.on('test:fail', () => (process.exitCode = 1))
tests.compose(new spec()).pipe(process.stdout)
