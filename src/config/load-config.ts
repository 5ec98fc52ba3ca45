import { basename } from 'node:path'
import { readCommandLine } from './command-line-options.ts'
import { relationProblems } from './config-relations.ts'
import { ConfigError } from './config-error.ts'
import { environmentSettings, type Environment } from './environment.ts'
import { parseProperties, PropertiesSyntaxError, type Property } from './properties-file.ts'
import { isHarmless, refusalRule } from './refused-settings.ts'
import { readServerConfig, type ServerConfig } from './server-config.ts'
import { shownSetting, type Setting } from './setting.ts'
import { honouredNames, nameHint } from './setting-names.ts'
import { isWithoutEffect } from './settings-without-effect.ts'
import { SettingsReader, type SettingRow } from './settings-reader.ts'

export interface ConfigSources {
  /** The arguments behind the program's name. */
  readonly argv: readonly string[]
  readonly env: Environment
  /** May throw; the message is shown. */
  readonly readFile: (path: string) => Uint8Array
}

export interface LoadedConfig {
  readonly config: ServerConfig
  /** One line each, to be logged once at the start. */
  readonly warnings: readonly string[]
  /** Every setting in force and where it comes from, sorted by name. */
  readonly rows: readonly SettingRow[]
}

/** Collects sentences while sources are gone through. */
interface Findings {
  readonly problems: string[]
  readonly warnings: string[]
}

/**
 * The configuration from the file of `--config`, the environment and the command line; the later wins.
 * @throws ConfigError with every problem there is
 */
export function loadConfig({ argv, env, readFile }: ConfigSources): LoadedConfig {
  const findings: Findings = { problems: [], warnings: [] }
  const commandLine = readCommandLine(argv)
  const environment = environmentSettings(env)
  const file = commandLine.configFile === undefined ? [] : fileSettings(commandLine.configFile, readFile, findings)
  findings.problems.push(...environment.problems, ...commandLine.problems)
  const honoured = sortOut([...file, ...environment.settings, ...commandLine.settings], findings)
  const reader = new SettingsReader(honoured)
  const config = readServerConfig(reader)
  findings.problems.push(...reader.problems)
  if (findings.problems.length === 0) findings.problems.push(...relationProblems(config))
  if (findings.problems.length > 0) throw new ConfigError(findings.problems)
  return {
    config,
    warnings: [...findings.warnings, ...reader.warnings],
    rows: reader.rows.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

function fileSettings(path: string, readFile: (path: string) => Uint8Array, findings: Findings): Setting[] {
  const file = basename(path)
  const properties = fileProperties(path, readFile, findings)
  const lines = new Map<string, number>()
  for (const { name, line } of properties) {
    const earlier = lines.get(name)
    if (earlier !== undefined) {
      findings.warnings.push(`${file}: ${name} is there on line ${earlier} and again on line ${line}: the last counts`)
    }
    lines.set(name, line)
  }
  return properties.map(({ name, value, line }) => ({ name, value, layer: 'file', origin: `${file} line ${line}` }))
}

function fileProperties(path: string, readFile: (path: string) => Uint8Array, findings: Findings): Property[] {
  let bytes: Uint8Array
  try {
    bytes = readFile(path)
  } catch (error) {
    findings.problems.push(`--config ${path}: ${error instanceof Error ? error.message : 'it cannot be read'}`)
    return []
  }
  try {
    return parseProperties(bytes)
  } catch (error) {
    if (!(error instanceof PropertiesSyntaxError)) throw error
    findings.problems.push(`--config ${path}: ${error.message}`)
    return []
  }
}

/** Keeps what is honoured; the rest is one warning in all, or a problem each. */
function sortOut(settings: readonly Setting[], { problems, warnings }: Findings): Setting[] {
  const idle = new Set<string>()
  const honoured: Setting[] = []
  for (const setting of settings) {
    const rule = refusalRule(setting.name)
    if (honouredNames.has(setting.name)) honoured.push(setting)
    else if (isWithoutEffect(setting.name) || (rule && isHarmless(rule, setting.value))) idle.add(setting.name)
    else if (rule) problems.push(`${shownSetting(setting)}: refused: ${rule.reason}`)
    else problems.push(`${shownSetting(setting)}: there is no such setting${nameHint(setting.name)}`)
  }
  if (idle.size > 0) warnings.push(`accepted without effect: ${[...idle].sort().join(', ')}`)
  return honoured
}
