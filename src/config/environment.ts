import { nearMiss } from '../broker/near-miss.ts'
import type { Setting } from './setting.ts'
import { environmentName, knownNames } from './setting-names.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const namesByVariable: ReadonlyMap<string, string> = new Map(
  [...knownNames].map((name) => [environmentName(name), name]),
)

/** What Kubernetes sets in every pod of a namespace that has a service named `posthorn`: nobody's configuration. */
const serviceLink = /^POSTHORN_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/

/**
 * The settings among environment variables. A `POSTHORN_` variable that is none is a problem: a slip of the pen must not
 * leave a setting at its default in silence.
 */
export function environmentSettings(env: Environment): { settings: Setting[]; problems: string[] } {
  const settings: Setting[] = []
  const problems: string[] = []
  for (const variable of Object.keys(env).sort()) {
    const value = env[variable]
    if (value === undefined || !variable.startsWith('POSTHORN_') || isServiceLink(variable, value)) continue
    const name = namesByVariable.get(variable)
    if (name === undefined) problems.push(unknownVariable(variable))
    else settings.push({ name, value, layer: 'environment', origin: `environment ${variable}` })
  }
  return { settings, problems }
}

function isServiceLink(variable: string, value: string): boolean {
  return serviceLink.test(variable) || (variable === 'POSTHORN_PORT' && /^(tcp|udp|sctp):\/\//.test(value))
}

function unknownVariable(variable: string): string {
  const meant = nearMiss(variable, namesByVariable.keys())
  return `environment ${variable.slice(0, 200)}: there is no such setting${meant === undefined ? '' : `; did you mean ${meant}?`}`
}
