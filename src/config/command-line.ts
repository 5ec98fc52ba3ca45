import { ConfigError } from './config-error.ts'
import { readCommandLine, type CommandFlag } from './command-line-options.ts'
import { helpText } from './help.ts'
import { loadConfig, type ConfigSources, type LoadedConfig } from './load-config.ts'

/** What the program has to do; whoever asked does the printing and the exit. */
export type CommandLineAction =
  | { readonly kind: 'start' | 'repair'; readonly loaded: LoadedConfig }
  /** Of log directories as they were named, or as they are configured. */
  | { readonly kind: 'verify'; readonly directories: readonly string[]; readonly flags: ReadonlySet<CommandFlag> }
  | { readonly kind: 'dump-log'; readonly files: readonly string[]; readonly flags: ReadonlySet<CommandFlag> }
  /** For standard output; then exit 0. */
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 }
  /** For standard error; then exit 2. */
  | { readonly kind: 'fail'; readonly text: string; readonly exitCode: 2 }

/** `--help` and `--version` are answered whatever else is wrong. */
export function commandLineAction(sources: ConfigSources, version: string): CommandLineAction {
  const { wanted, command, operands, commandFlags: flags, problems } = readCommandLine(sources.argv)
  if (wanted === 'help') return { kind: 'print', text: helpText(version, command), exitCode: 0 }
  if (wanted === 'version') return { kind: 'print', text: `posthorn ${version}\n`, exitCode: 0 }
  if (wanted === 'dump-log' || (wanted === 'verify' && operands.length > 0)) {
    if (problems.length > 0) return { kind: 'fail', text: `${problems.join('\n')}\n`, exitCode: 2 }
    return wanted === 'verify'
      ? { kind: wanted, directories: operands, flags }
      : { kind: wanted, files: operands, flags }
  }
  try {
    const loaded = loadConfig(sources)
    if (wanted === 'check-config') return { kind: 'print', text: checked(loaded), exitCode: 0 }
    if (wanted !== 'start' && loaded.config.engine === 'kafka') {
      return { kind: 'fail', text: nothingOnThisMachine(wanted), exitCode: 2 }
    }
    if (wanted === 'verify') return { kind: wanted, directories: loaded.config.logDirs, flags }
    return { kind: wanted, loaded }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { kind: 'fail', text: `${error.problems.join('\n')}\n`, exitCode: 2 }
  }
}

function nothingOnThisMachine(command: string): string {
  return (
    `${command}: it is for log directories on this machine, and engine=kafka has none; what a cluster keeps is looked after ` +
    "with Kafka's own tools\n"
  )
}

/** One `name=value` a line, and behind it where it comes from. */
function checked({ rows, warnings }: LoadedConfig): string {
  const lines = rows.map(({ name, value, origin }) => `${name}=${value}`.padEnd(60) + ` # ${origin}`)
  return [...warnings.map((warning) => `# warning: ${warning}`), ...lines, ''].join('\n')
}
