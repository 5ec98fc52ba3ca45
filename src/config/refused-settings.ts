/** Kafka's settings that would promise what is not there. An empty value promises nothing and is let through. */
export interface RefusedSetting {
  readonly name: string
  readonly reason: string
  /** Values, in lower case, that promise nothing. */
  readonly harmless?: readonly string[]
}

const zookeeper =
  'Posthorn keeps its own metadata in its log directories and needs no ZooKeeper (Kafka itself dropped it in 4.0): remove the line, and set log.dirs to where the data shall be and node.id to the number of this server'
const classes = 'a Java class cannot be loaded here, so its rules would not be applied: remove the line'
const hostAndPort = 'Kafka 3.0 removed it: set listeners=http://host:port instead'

export const refusedSettings: readonly RefusedSetting[] = [
  { name: 'advertised.host.name', reason: hostAndPort },
  { name: 'advertised.port', reason: hostAndPort },
  { name: 'alter.config.policy.class.name', reason: classes },
  {
    name: 'authorizer.class.name',
    reason:
      'there is no authorization in this version, and everybody who reaches a listener may do everything: remove the line and keep the listeners on an address that only trusted clients reach',
  },
  { name: 'client.quota.callback.class', reason: classes },
  {
    name: 'config.providers',
    reason:
      'values are taken as they are written, no provider fills them in: write the values, or give them by environment',
  },
  {
    name: 'cordoned.log.dirs',
    reason: 'new partitions would go there all the same: take the directory out of log.dirs once it is empty',
  },
  { name: 'create.topic.policy.class.name', reason: classes },
  { name: 'host.name', reason: hostAndPort },
  {
    name: 'log.message.format.version',
    reason: 'Kafka 4.0 removed it, there is only record format 2: remove the line',
  },
  {
    name: 'log.message.timestamp.difference.max.ms',
    reason:
      'Kafka 4.0 removed it: set log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms instead',
  },
  {
    name: 'remote.log.storage.system.enable',
    harmless: ['false'],
    reason: 'tiered storage is not offered, records stay in log.dirs: remove the line',
  },
  { name: 'zookeeper.connect', reason: zookeeper },
]

/** Whole families: every name that begins so. */
export const refusedPrefixes: readonly RefusedSetting[] = [
  {
    name: 'config.providers.',
    reason: 'values are taken as they are written, no provider fills them in: remove the line',
  },
  { name: 'zookeeper.', reason: 'there is no ZooKeeper here to connect to: remove the line' },
]

/** The rule about this name, whatever its value; undefined where there is none. */
export function refusalRule(name: string): RefusedSetting | undefined {
  return (
    refusedSettings.find((setting) => setting.name === name) ??
    refusedPrefixes.find((prefix) => name.startsWith(prefix.name))
  )
}

export function isHarmless({ harmless = [] }: RefusedSetting, value: string): boolean {
  const text = value.trim().toLowerCase()
  return text === '' || harmless.includes(text)
}
