import { parseArgs } from 'node:util'
import { nearMiss } from '../broker/near-miss.ts'
import type { Setting } from './setting.ts'

/** What the arguments say. */
export interface CommandLine {
  readonly wanted: 'start' | Command | 'help' | 'version' | 'check-config'
  /** What `--help` is about, where it is one command. */
  readonly command: Command | undefined
  /** What the command is to be carried out on: its words behind the first. */
  readonly operands: readonly string[]
  readonly commandFlags: ReadonlySet<CommandFlag>
  readonly configFile: string | undefined
  readonly settings: readonly Setting[]
  readonly problems: readonly string[]
}

/** Commands that are carried out while no server runs. */
export type Command = 'repair' | 'verify' | 'dump-log'
export type CommandFlag = 'json' | 'progress' | 'no-index' | 'records' | 'print-data'

/** The flags that a command has of its own. */
const commandFlags: Readonly<Record<Command, readonly CommandFlag[]>> = {
  repair: [],
  verify: ['json', 'progress', 'no-index'],
  'dump-log': ['json', 'records', 'print-data'],
}
/** Commands whose further words are paths. */
const takesPaths: ReadonlySet<Command | undefined> = new Set(['verify', 'dump-log'])

const options = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  port: { type: 'string' },
  'log-dirs': { type: 'string' },
  'check-config': { type: 'boolean' },
  json: { type: 'boolean' },
  progress: { type: 'boolean' },
  'no-index': { type: 'boolean' },
  records: { type: 'boolean' },
  'print-data': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** Flags that are another way to write `--set`. */
const shorthands: Readonly<Record<string, string>> = { port: 'port', 'log-dirs': 'log.dirs' }

interface Flag {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
}

/** Reads all arguments, whatever is wrong with some. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const flags = tokens.flatMap((token): Flag[] =>
    token.kind === 'option' ? [{ name: token.name, rawName: token.rawName, value: token.value }] : [],
  )
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  const command = commandOf(words[0])
  const operands = command === undefined ? [] : words.slice(1)
  const stray = command === undefined ? words : takesPaths.has(command) ? [] : operands
  const settings = flags.flatMap(settingOf)
  const files = flags.filter(({ name }) => name === 'config').map(({ value }) => value)
  const present = (name: string): boolean => flags.some((flag) => flag.name === name)
  return {
    wanted: present('help')
      ? 'help'
      : present('version')
        ? 'version'
        : present('check-config')
          ? 'check-config'
          : (command ?? 'start'),
    command,
    operands,
    commandFlags: new Set(allCommandFlags.filter(present)),
    configFile: files.at(-1),
    settings,
    problems: [
      ...flags.flatMap(flagProblems),
      ...flags.flatMap((flag) => misplacedProblems(flag, command)),
      ...(command === 'dump-log' && operands.length === 0 ? ['dump-log: name at least one segment file (….log)'] : []),
      ...stray.map((text) => `${text.slice(0, 100)}: not understood; settings are given as --set name=value`),
      ...(files.length > 1 ? ['--config: given more than once'] : []),
    ],
  }
}

const allCommandFlags: readonly CommandFlag[] = ['json', 'progress', 'no-index', 'records', 'print-data']

function commandOf(word: string | undefined): Command | undefined {
  return word === 'repair' || word === 'verify' || word === 'dump-log' ? word : undefined
}

function misplacedProblems({ name, rawName }: Flag, command: Command | undefined): string[] {
  const flag = allCommandFlags.find((known) => known === name)
  if (flag === undefined || (command !== undefined && commandFlags[command].includes(flag))) return []
  const commands = Object.entries(commandFlags).flatMap(([known, own]) =>
    own.includes(flag) ? [`posthorn ${known}`] : [],
  )
  return [`${rawName}: is an option of ${commands.join(' and ')}`]
}

function settingOf({ name, value }: Flag): Setting[] {
  if (value === undefined) return []
  const shorthand = shorthands[name]
  if (shorthand !== undefined) return [{ name: shorthand, value, layer: 'command line', origin: `--${name}` }]
  const separator = value.indexOf('=')
  if (name !== 'set' || separator <= 0) return []
  const given = { name: value.slice(0, separator).trim(), value: value.slice(separator + 1) }
  return [{ ...given, layer: 'command line', origin: '--set' }]
}

function flagProblems({ name, rawName, value }: Flag): string[] {
  const option = Object.entries(options).find(([known]) => known === name)?.[1]
  if (option === undefined) {
    const meant = nearMiss(name, Object.keys(options))
    return [`${rawName}: there is no such option${meant === undefined ? '; see --help' : `; did you mean --${meant}?`}`]
  }
  if (option.type === 'boolean') return value === undefined ? [] : [`${rawName}: takes no value`]
  if (value === undefined) return [`${rawName}: needs a value`]
  if (name === 'set' && value.indexOf('=') <= 0) return [`--set ${value.slice(0, 100)}: must be name=value`]
  return []
}
