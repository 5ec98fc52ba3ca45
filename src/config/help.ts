import { clusterSettings as cluster } from './cluster-settings.ts'
import { kafkaSettings as kafka } from './kafka-settings.ts'
import { posthornSettings as ours } from './posthorn-settings.ts'
import type { Command } from './command-line-options.ts'
import type { SettingDefinition } from './setting-definition.ts'

const commonest: readonly (readonly [SettingDefinition, string])[] = [
  [kafka.listeners, 'where HTTP is served'],
  [ours.engine, 'what keeps the records: embedded is this machine, kafka a cluster'],
  [cluster.bootstrapServers, 'nodes of the cluster, host:port, comma separated, with engine=kafka'],
  [kafka.logDirs, 'where records are kept; several, comma separated'],
  [kafka.numPartitions, 'of a topic created without a number'],
  [kafka.autoCreateTopicsEnable, 'publishing creates a topic'],
  [ours.requestMaxBytes, 'the largest request body'],
  [ours.corsAllowedOrigins, 'sites whose pages may use the API'],
  [ours.allowedHosts, 'further names of a loopback listener'],
  [ours.logLevel, 'fatal error warn info debug trace silent'],
]

const commandTexts: Readonly<Record<Command, string>> = {
  repair: `Usage: posthorn repair [options]

Rebuilds a damaged or lost catalogue (which topics there are, and where their partitions lie) from its newest valid
copy, with the server stopped. Where no directory has such a copy, topics come back as their partitions' directories
tell of them: without their settings, and with nothing deleted or compacted until one start with
catalogue.rebuild.accept=true. So do topics and partitions that lie in the directories while the catalogue does not know
them, also where it is sound otherwise. The file that it replaces is kept aside. A meta.properties that is lost or
damaged it puts back first, where the catalogue or its copies tell for certain which directory it is.

Takes the options that the server takes: give it the same ones. It ends with 0 when the catalogue is sound, with 1 where
nothing can be done, with 2 if the configuration is wrong.
`,
  verify: `Usage: posthorn verify [options] [DIR…]

Reads everything that log directories hold, with the server stopped, and tells what is not what was written: batches,
offsets, the commit journal, the index, the catalogue and its copies, what is known of requests. Nothing is written to
them. Without DIR it takes log.dirs of the configuration. Name all directories of a server together.

  --json       one JSON object a line: findings, then a summary
  --progress   tell the progress in lines; on a terminal there is a bar
  --no-index   leave out index.db, which else is copied to the directory for temporary files (TMPDIR)

Each finding says the file, the bytes, the offsets, what is wrong and what it means: lost, refused (the server does not
start or serve it), rebuilt (by the server itself), harmless; unfinished is what a crash may leave and is no damage.
It ends with 0 if all is sound, with 1 if there are findings, with 2 if the directories cannot be looked at.
docs/verifying.md says more.
`,
  'dump-log': `Usage: posthorn dump-log [options] FILE…

Prints the batches of segment files (<log directory>/<topic>-<partition>/….log), also of a running server's and of
Kafka's. Goes on behind damage where another batch begins.

  --records      the records of each batch as well
  --print-data   and their keys, values and headers
  --json         one JSON object a line

It ends with 0 if every batch is sound, with 1 if one is not, with 2 if a file cannot be read.
`,
}

/** What `--help` prints; of one command, or of the program. */
export function helpText(version: string, command?: Command): string {
  if (command !== undefined) return commandTexts[command]
  return `Posthorn ${version}: an event log you drive with HTTP, with Apache Kafka's semantics.

Usage: posthorn [options]           start the server
       posthorn repair [options]    rebuild a damaged catalogue, with the server stopped
       posthorn verify [DIR…]       read everything again and tell what is damaged, with the server stopped
       posthorn dump-log FILE…      print the batches of segment files

'posthorn COMMAND --help' says more of a command.

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

${commonestTable()}

Examples:
  posthorn
  posthorn --port 9000 --log-dirs /var/lib/posthorn
  posthorn --config /etc/posthorn/server.properties --set log.retention.hours=24
  POSTHORN_LISTENERS=http://0.0.0.0:8082 posthorn --check-config

The process ends with 2 if the configuration is wrong, having named every mistake in it.
`
}

/** The commonest settings with their defaults, in columns. */
function commonestTable(): string {
  const rows = [
    ...commonest.map(([{ name, default: text }, doc]): string[] => [name, text ?? '', doc]),
    ['log.retention.hours', '168', 'age at which segments go, unless a topic says otherwise'],
    ['message.max.bytes', '1048588', 'the largest record batch, unless a topic says otherwise'],
  ]
  const nameWidth = Math.max(...rows.map(([name = '']) => name.length))
  const textWidth = Math.max(...rows.map(([, text = '']) => text.length))
  return rows
    .map(([name = '', text = '', doc = '']) =>
      `  ${name.padEnd(nameWidth)}  ${text.padEnd(textWidth)}  ${doc}`.trimEnd(),
    )
    .join('\n')
}
