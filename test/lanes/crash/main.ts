import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../../tidy/source-files.ts'

/** Runs the crash lanes one after another: `npm run test:crash -- --cycles 500 --lane kill`. */

const USAGE = `npm run test:crash -- [--lane <name>]... [--cycles <n> | --long] [--seed <n>]

  --lane <name>   only this lane; may be given more than once
  --cycles <n>    cycles (kills, cuts, seeds) of each lane
  --long          each lane's long form
  --seed <n>      of what is random; default 1
  --help          this text
`

const lanes = new Map(
  globSync('test/lanes/crash-*.lane.ts', { cwd: repositoryRoot })
    .toSorted()
    .map((file) => [basename(file, '.lane.ts').slice('crash-'.length), file]),
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
const child = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files], {
  cwd: repositoryRoot,
  stdio: 'inherit',
  env: {
    ...process.env,
    ...(given.cycles !== undefined && { CRASH_CYCLES: wholeNumber('cycles', given.cycles) }),
    ...(given.long === true && { CRASH_LONG: '1' }),
    ...(given.seed !== undefined && { CRASH_SEED: wholeNumber('seed', given.seed) }),
  },
})
const [code] = (await once(child, 'exit')) as [number | null]
process.exitCode = code ?? 1
