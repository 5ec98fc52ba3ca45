import { nearMiss } from '../broker/near-miss.ts'
import { topicConfigDefinitions } from '../broker/topic-config-definitions.ts'
import { clusterSettings } from './cluster-settings.ts'
import { kafkaSettings } from './kafka-settings.ts'
import { posthornSettings } from './posthorn-settings.ts'
import { refusedSettings } from './refused-settings.ts'
import type { SettingDefinition } from './setting-definition.ts'
import { settingsWithoutEffect } from './settings-without-effect.ts'

export const settingDefinitions: readonly SettingDefinition[] = [
  ...Object.values(kafkaSettings),
  ...Object.values(posthornSettings),
  ...Object.values(clusterSettings),
]

/** Every name under which something can be set here, synonyms included. */
export const honouredNames: ReadonlySet<string> = new Set(
  [...settingDefinitions, ...topicConfigDefinitions].flatMap(({ synonyms }) => synonyms.map(({ name }) => name)),
)

/** Every name that is known, honoured or not. */
export const knownNames: ReadonlySet<string> = new Set([
  ...honouredNames,
  ...settingsWithoutEffect,
  ...refusedSettings.map(({ name }) => name),
])

/** `log.retention.ms` → `POSTHORN_LOG_RETENTION_MS` */
export function environmentName(name: string): string {
  return `POSTHORN_${name.toUpperCase().replaceAll('.', '_')}`
}

/** Completes a sentence about an unknown name; empty where nothing resembles it. */
export function nameHint(name: string): string {
  const topicConfig = topicConfigDefinitions.find((definition) => definition.name === name)
  const serverName = topicConfig?.synonyms[0]?.name
  if (serverName !== undefined) return `; it is a topic's config, the server's setting behind it is ${serverName}`
  const meant = nearMiss(name, honouredNames) ?? nearMiss(name, knownNames)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}
