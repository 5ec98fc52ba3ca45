import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Autocannon } from './load/autocannon.ts'
import type { LoadGenerator } from './load/load.ts'
import { Wrk } from './load/wrk.ts'
import { Children } from './measure/children.ts'
import { thisMachine } from './measure/machine.ts'
import { repositoryRoot, Servers } from './measure/servers.ts'
import { benchCommand, type BenchOptions, type Generator, optionsHelp } from './options.ts'
import { parts } from './parts.ts'
import {
  allAreFigures,
  type PartResult,
  renderDescription,
  renderPart,
  type RunDescription,
  writeJson,
} from './report.ts'
import { runPart } from './run-part.ts'

const resultsFolder = join(repositoryRoot, '.cache', 'bench')
const argv = process.argv.slice(2)
const command = benchCommand(
  argv,
  parts.map(({ name }) => name),
)
if (command.kind === 'help') process.stdout.write(optionsHelp(parts))
else if (command.kind === 'refuse') {
  process.stderr.write(`bench: ${command.reason}\nnpm run bench -- --help tells what there is.\n`)
  process.exitCode = 2
} else await bench(command.options)

/** Whatever ends the run, no process and no file of it stay behind. */
async function bench(options: BenchOptions): Promise<void> {
  const parent = options.directory ?? tmpdir()
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'posthorn-bench-'))
  const children = new Children()
  const cleanUp = (): void => {
    children.killAll()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanUp()
      process.stderr.write(`bench: stopped by ${signal}\n`)
      process.exit(1)
    })
  }
  try {
    await measureAll(options, children, folder)
  } finally {
    cleanUp()
  }
}

async function measureAll(options: BenchOptions, children: Children, folder: string): Promise<void> {
  const profiles: string[] = []
  const servers = new Servers({
    children,
    profileFolder: options.profile ? folder : undefined,
    resultsFolder,
    profiled: (text) => profiles.push(text),
  })
  const generator = await loadGenerator(options.generator, children, folder)
  const run: RunDescription = {
    command: ['npm run bench', ...(argv.length === 0 ? [] : ['--', ...argv])].join(' '),
    began: new Date().toISOString(),
    machine: thisMachine(folder),
    generator: generator.name,
    serverCommand: servers.startScript,
    quick: options.quick,
    profiled: options.profile,
  }
  process.stdout.write(`${renderDescription(run)}\n\n`)
  const results: PartResult[] = []
  const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
  for (const part of parts.filter(({ name }) => options.parts.includes(name))) {
    const result = await runPart(part, { options, folder, children, servers, generator, progress })
    process.stdout.write(`${renderPart(result)}\n`)
    results.push(result)
    writeJson(options.jsonFile ?? join(resultsFolder, 'last-run.json'), run, results, performance.now() / 1000)
  }
  for (const text of profiles) process.stdout.write(`${text}\n\n`)
  if (!allAreFigures(results)) process.exitCode = 1
}

async function loadGenerator(
  wanted: Generator | undefined,
  children: Children,
  folder: string,
): Promise<LoadGenerator> {
  if (wanted === 'autocannon') return new Autocannon()
  const wrk = await Wrk.find(children, folder)
  if (wrk === undefined && wanted === 'wrk') throw new Error('--generator wrk: wrk is not installed')
  return wrk ?? new Autocannon()
}
