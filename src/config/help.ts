import { kafkaSettings as kafka } from './kafka-settings.ts'
import { posthornSettings as ours } from './posthorn-settings.ts'
import type { SettingDefinition } from './setting-definition.ts'

const commonest: readonly (readonly [SettingDefinition, string])[] = [
  [kafka.listeners, 'where HTTP is served'],
  [kafka.logDirs, 'where records are kept; several, comma separated'],
  [kafka.numPartitions, 'of a topic created without a number'],
  [kafka.autoCreateTopicsEnable, 'publishing creates a topic'],
  [ours.requestMaxBytes, 'the largest request body'],
  [ours.corsAllowedOrigins, 'sites whose pages may use the API'],
  [ours.allowedHosts, 'further names of a loopback listener'],
  [ours.logLevel, 'fatal error warn info debug trace silent'],
]

/** What `--help` prints. */
export function helpText(version: string): string {
  const rows = [
    ...commonest.map(([{ name, default: text }, doc]): string[] => [name, text ?? '', doc]),
    ['log.retention.hours', '168', 'age at which segments go, unless a topic says otherwise'],
    ['message.max.bytes', '1048588', 'the largest record batch, unless a topic says otherwise'],
  ]
  const nameWidth = Math.max(...rows.map(([name = '']) => name.length))
  const textWidth = Math.max(...rows.map(([, text = '']) => text.length))
  const table = rows.map(([name = '', text = '', doc = '']) =>
    `  ${name.padEnd(nameWidth)}  ${text.padEnd(textWidth)}  ${doc}`.trimEnd(),
  )
  return `Posthorn ${version}: an event log you drive with HTTP, with Apache Kafka's semantics.

Usage: posthorn [options]           start the server
       posthorn repair [options]    rebuild a damaged catalogue from its newest snapshot, with the server stopped

  --config FILE      read settings from FILE, in Kafka's server.properties form
  --set NAME=VALUE   set one setting; may be repeated
  --port N           the port to listen on, the same as --set port=N
  --log-dirs DIRS    where records are kept, the same as --set log.dirs=DIRS
  --check-config     print every setting in force and where it comes from, and stop
  -h, --help         print this and stop
  -v, --version      print the version and stop

Settings have Kafka's names wherever Kafka has the setting. They come from the file of --config, then from the
environment (log.retention.hours is POSTHORN_LOG_RETENTION_HOURS), then from the command line; the later wins.
The commonest, with their defaults; all of them are in docs/configuration.md:

${table.join('\n')}

Examples:
  posthorn
  posthorn --port 9000 --log-dirs /var/lib/posthorn
  posthorn --config /etc/posthorn/server.properties --set log.retention.hours=24
  POSTHORN_LISTENERS=http://0.0.0.0:8082 posthorn --check-config

The process ends with 2 if the configuration is wrong, having named every mistake in it.
`
}
