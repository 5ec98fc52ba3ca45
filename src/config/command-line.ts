import { ConfigError } from './config-error.ts'
import { readCommandLine } from './command-line-options.ts'
import { helpText } from './help.ts'
import { loadConfig, type ConfigSources, type LoadedConfig } from './load-config.ts'

/** What the program has to do; whoever asked does the printing and the exit. */
export type CommandLineAction =
  | { readonly kind: 'start' | 'repair'; readonly loaded: LoadedConfig }
  /** For standard output; then exit 0. */
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 }
  /** For standard error; then exit 2. */
  | { readonly kind: 'fail'; readonly text: string; readonly exitCode: 2 }

/** `--help` and `--version` are answered whatever else is wrong. */
export function commandLineAction(sources: ConfigSources, version: string): CommandLineAction {
  const { wanted } = readCommandLine(sources.argv)
  if (wanted === 'help') return { kind: 'print', text: helpText(version), exitCode: 0 }
  if (wanted === 'version') return { kind: 'print', text: `posthorn ${version}\n`, exitCode: 0 }
  try {
    const loaded = loadConfig(sources)
    if (wanted === 'check-config') return { kind: 'print', text: checked(loaded), exitCode: 0 }
    if (wanted === 'repair' && loaded.config.engine === 'kafka')
      return { kind: 'fail', text: nothingToRepair, exitCode: 2 }
    return { kind: wanted, loaded }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { kind: 'fail', text: `${error.problems.join('\n')}\n`, exitCode: 2 }
  }
}

const nothingToRepair =
  'repair: it mends the catalogue of a data directory, and engine=kafka has none; what a cluster keeps is repaired with ' +
  "Kafka's own tools\n"

/** One `name=value` a line, and behind it where it comes from. */
function checked({ rows, warnings }: LoadedConfig): string {
  const lines = rows.map(({ name, value, origin }) => `${name}=${value}`.padEnd(60) + ` # ${origin}`)
  return [...warnings.map((warning) => `# warning: ${warning}`), ...lines, ''].join('\n')
}
