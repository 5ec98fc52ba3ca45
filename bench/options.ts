import { parseArgs } from 'node:util'

export type Generator = 'wrk' | 'autocannon'

export interface BenchOptions {
  /** Names of parts, in the order of the table of parts. */
  readonly parts: readonly string[]
  readonly quick: boolean
  /** Rounds of each comparison: in a round every contender gets one burst. */
  readonly repeats: number
  readonly burstSeconds: number
  readonly warmUpSeconds: number
  /** How far the log grows where a part fills one. */
  readonly logGib: number
  readonly profile: boolean
  /** Where the data goes; undefined = the system's temporary directory. */
  readonly directory: string | undefined
  /** Where the JSON goes; undefined = the default place. */
  readonly jsonFile: string | undefined
  /** undefined = wrk if it is installed. */
  readonly generator: Generator | undefined
}

export type BenchCommand =
  | { readonly kind: 'help' }
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'run'; readonly options: BenchOptions }

const full = { repeats: 8, burstSeconds: 2, warmUpSeconds: 3, logGib: 10 }
const quick = { repeats: 1, burstSeconds: 1, warmUpSeconds: 1, logGib: 0.25 }

export function optionsHelp(parts: readonly { readonly name: string; readonly about: string }[]): string {
  const width = Math.max(...parts.map(({ name }) => name.length))
  return `npm run bench -- [options]

Without options everything is measured: about 26 minutes, up to 21 GiB of free disk.

  --quick           less of everything, about 4 minutes and 4 GiB: to see that all works, too short to rely on
  --only PART       this part only; may be repeated, or a list with commas
  --repeats N       rounds of each comparison, of which the median is shown (${full.repeats}; --quick ${quick.repeats})
  --seconds N       of each burst of load (${full.burstSeconds}; --quick ${quick.burstSeconds})
  --log-gib N       how far the log is filled for start-up, memory and cost (${full.logGib}; --quick ${quick.logGib})
  --dir DIR         where the servers keep their data (the system's temporary directory)
  --json FILE       where the figures go as JSON (.cache/bench/last-run.json)
  --profile         write a CPU profile of each server to .cache/bench, and print where its time went
  --generator NAME  wrk or autocannon (wrk if it is installed)
  --help

Parts:
${parts.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')}

The exit code is 1 if a part failed or any request did; a goal that was missed does not change it. bench/README.md tells
how to read the tables.
`
}

/** What the command line asks for; every mistake is told with what is allowed. */
export function benchCommand(argv: readonly string[], partNames: readonly string[]): BenchCommand {
  try {
    const values = parse(argv)
    return values.help ? { kind: 'help' } : { kind: 'run', options: readOptions(values, partNames) }
  } catch (error) {
    return { kind: 'refuse', reason: error instanceof Error ? error.message : String(error) }
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      repeats: { type: 'string' },
      seconds: { type: 'string' },
      'log-gib': { type: 'string' },
      dir: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      generator: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}

function readOptions(values: ReturnType<typeof parse>, partNames: readonly string[]): BenchOptions {
  const defaults = values.quick ? quick : full
  return {
    parts: partsOf(values.only, partNames),
    quick: values.quick,
    repeats: wholeNumber('--repeats', values.repeats, defaults.repeats),
    burstSeconds: wholeNumber('--seconds', values.seconds, defaults.burstSeconds),
    warmUpSeconds: defaults.warmUpSeconds,
    logGib: positiveNumber('--log-gib', values['log-gib'], defaults.logGib),
    profile: values.profile,
    directory: values.dir,
    jsonFile: values.json,
    generator: generatorOf(values.generator),
  }
}

function partsOf(only: readonly string[], partNames: readonly string[]): string[] {
  const wanted = only.flatMap((text) => text.split(',')).map((name) => name.trim())
  const unknown = wanted.find((name) => !partNames.includes(name))
  if (unknown !== undefined)
    throw new Error(`--only ${unknown}: there is no such part; there are ${partNames.join(', ')}`)
  return partNames.filter((name) => wanted.length === 0 || wanted.includes(name))
}

function generatorOf(text: string | undefined): Generator | undefined {
  if (text === undefined || text === 'wrk' || text === 'autocannon') return text
  throw new Error(`--generator ${text}: wrk or autocannon`)
}

function wholeNumber(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 3600)
    throw new Error(`${flag} ${text}: a whole number from 1 to 3600`)
  return value
}

function positiveNumber(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (text === '' || !(value >= 0.01 && value <= 10_000))
    throw new Error(`${flag} ${text}: a number from 0.01 to 10000`)
  return value
}
