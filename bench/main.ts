import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hasWrk } from './load.ts'
import { benchMemory } from './memory.ts'
import { benchPublish, type BenchOptions } from './publish.ts'
import { benchRead } from './read.ts'
import { benchStartUp } from './start-up.ts'
import { renderTable, type Row } from './table.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    memory: { type: 'string' },
    json: { type: 'string' },
    seconds: { type: 'string' },
    repeats: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const help = `npm run bench -- [--quick] [--only publish|read|start-up|memory …] [--memory GIB]
                 [--seconds N] [--repeats N] [--json FILE]

  --quick     one short run of each, about a minute
  --only      these parts only
  --memory    how far the log grows in the memory part (default 5; not part of --quick)
  --seconds   of each run (default 8)
  --repeats   runs of each row, medians are shown (default 5)
  --json      write the rows to this file too
`

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(help)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-bench-'))
  const wrk = await hasWrk()
  const options: BenchOptions = {
    folder,
    seconds: Number(values.seconds ?? (values.quick ? 3 : 8)),
    repeats: Number(values.repeats ?? (values.quick ? 1 : 5)),
    connections: 32,
    wrk,
  }
  describeMachine(wrk)
  try {
    const rows = await runParts(options)
    process.stdout.write(`${renderTable(rows)}\n`)
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function describeMachine(wrk: boolean): void {
  const cores = cpus()
  const memoryGiB = Math.round(totalmem() / 1024 ** 3)
  process.stdout.write(
    `${cores.length} × ${cores[0]?.model ?? 'unknown CPU'}, ${memoryGiB} GiB, Node ${process.version}, ` +
      `load by ${wrk ? 'wrk' : 'autocannon (wrk is not installed)'}, on the same machine\n\n`,
  )
}

async function runParts(options: BenchOptions): Promise<Row[]> {
  const wanted = (part: string): boolean => values.only?.includes(part) ?? !(part === 'memory' && values.quick)
  const rows: Row[] = []
  const add = (more: readonly Row[]): void => {
    for (const row of more) process.stderr.write(`${JSON.stringify(row)}\n`)
    rows.push(...more)
  }
  if (wanted('publish')) for (const recordCount of [1, 100, 1000]) add(await benchPublish(recordCount, options))
  if (wanted('read')) add(await benchRead(options))
  if (wanted('start-up')) add(await benchStartUp(options))
  if (wanted('memory')) add(await benchMemory(Number(values.memory ?? '5'), options))
  return rows
}

await main()
