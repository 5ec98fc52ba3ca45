import { boolean, double, int, listOf, long, LONG_MAX_TEXT, oneOf, type ConfigType } from './config-value.ts'

/**
 * One of Kafka's topic configs (org.apache.kafka.storage.internals.log.LogConfig, 4.x): the one place that knows its
 * name, type, range, default and the broker settings behind it.
 */
export interface TopicConfigDefinition<T = unknown> {
  readonly name: string
  readonly type: ConfigType<T>
  /** Narrower, where this server keeps the records, and not a cluster. */
  readonly embeddedType?: ConfigType<T>
  /** Kafka's default, in its normal form. */
  readonly default: string
  /** The broker settings that give the server's value; of several in one source the first counts. */
  readonly synonyms: readonly BrokerSynonym[]
  /** Sentences for docs/configuration.md. */
  readonly doc: string
}

/** A broker setting that stands behind a topic config (ServerTopicConfigSynonyms), perhaps in another unit. */
export interface BrokerSynonym {
  readonly name: string
  readonly type: ConfigType<unknown>
  /** Milliseconds in one of its units, where that is not what the topic config counts. */
  readonly unitMs?: number
  /** True for a name Kafka does not have. */
  readonly ours?: boolean
}

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const msFromZero = long({ min: 0 })

/** Only a single replica is kept, so a higher number could never be met and no publish would succeed. */
const oneReplica = int({ min: 1, max: 1, note: 'this server keeps one replica of each partition' })

function define<T>(
  name: string,
  type: ConfigType<T>,
  defaultText: string,
  synonyms: string | readonly BrokerSynonym[],
  doc: string,
): TopicConfigDefinition<T> {
  const list = typeof synonyms === 'string' ? [{ name: synonyms, type }] : synonyms
  return { name, type, default: defaultText, synonyms: list, doc }
}

/** Broker-level retention knows no 0; negative means unlimited, as in Kafka's KafkaConfig. */
function retention(kind: 'int' | 'long'): ConfigType<number> {
  const base = (kind === 'int' ? int : long)({ min: -1, note: '-1 = unlimited, 0 is not allowed' })
  return {
    ...base,
    check(value) {
      base.check(value === 0 ? -2 : value)
    },
  }
}

export const topicConfigTable = {
  cleanupPolicy: define(
    'cleanup.policy',
    listOf('delete', 'compact'),
    'delete',
    'log.cleanup.policy',
    'What becomes of old segments: `delete` drops them by age or size, `compact` keeps the latest record of each key; both may be given; empty keeps everything.',
  ),
  compressionGzipLevel: define(
    'compression.gzip.level',
    gzipLevel(),
    '-1',
    'compression.gzip.level',
    'Level of batches that the server compresses with gzip.',
  ),
  compressionLz4Level: define(
    'compression.lz4.level',
    int({ min: 1, max: 17 }),
    '9',
    'compression.lz4.level',
    'Kept and reported; the server compresses with lz4 at one level, the fastest.',
  ),
  compressionType: define(
    'compression.type',
    oneOf('producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'),
    'producer',
    'compression.type',
    'How record batches are stored: batches that come otherwise are converted. `producer` stores them as they were sent; `compression` of a publish request then says how.',
  ),
  compressionZstdLevel: define(
    'compression.zstd.level',
    int({ min: -131072, max: 22 }),
    '3',
    'compression.zstd.level',
    'Level of batches that the server compresses with zstd.',
  ),
  deleteRetentionMs: define(
    'delete.retention.ms',
    msFromZero,
    '86400000',
    'log.cleaner.delete.retention.ms',
    'How long compaction keeps the tombstones of deleted keys.',
  ),
  fileDeleteDelayMs: define(
    'file.delete.delay.ms',
    msFromZero,
    '60000',
    'log.segment.delete.delay.ms',
    'Time between a segment leaving the log and its file being removed.',
  ),
  flushMessages: define(
    'flush.messages',
    long({ min: 1 }),
    LONG_MAX_TEXT,
    'log.flush.interval.messages',
    'Kept and reported; every record is on stable storage before it is acknowledged with `acks=all`.',
  ),
  flushMs: define(
    'flush.ms',
    msFromZero,
    LONG_MAX_TEXT,
    [
      { name: 'log.flush.interval.ms', type: msFromZero },
      { name: 'log.flush.scheduler.interval.ms', type: msFromZero },
    ],
    'Kept and reported, as `flush.messages`.',
  ),
  indexIntervalBytes: define(
    'index.interval.bytes',
    int({ min: 0 }),
    '4096',
    'log.index.interval.bytes',
    'About so many bytes of a segment lie between two entries of its offset index.',
  ),
  maxCompactionLagMs: define(
    'max.compaction.lag.ms',
    long({ min: 1 }),
    LONG_MAX_TEXT,
    'log.cleaner.max.compaction.lag.ms',
    'A record is compacted after this time at the latest. Not below `min.compaction.lag.ms`.',
  ),
  maxMessageBytes: define(
    'max.message.bytes',
    int({ min: 0 }),
    '1048588',
    'message.max.bytes',
    'The largest record batch, its 61-byte header included. A request is cut into several batches, so this bounds a single record.',
  ),
  messageTimestampAfterMaxMs: define(
    'message.timestamp.after.max.ms',
    msFromZero,
    '3600000',
    'log.message.timestamp.after.max.ms',
    "How far a record's timestamp may lie ahead of the server's clock.",
  ),
  messageTimestampBeforeMaxMs: define(
    'message.timestamp.before.max.ms',
    msFromZero,
    LONG_MAX_TEXT,
    'log.message.timestamp.before.max.ms',
    "How far a record's timestamp may lie behind the server's clock.",
  ),
  messageTimestampType: define(
    'message.timestamp.type',
    oneOf('CreateTime', 'LogAppendTime'),
    'CreateTime',
    'log.message.timestamp.type',
    'Whose time a record has: its publisher’s or that of the append.',
  ),
  minCleanableDirtyRatio: define(
    'min.cleanable.dirty.ratio',
    double({ min: 0, max: 1 }),
    '0.5',
    'log.cleaner.min.cleanable.ratio',
    'Share of the log that has to be uncompacted before compaction sets in.',
  ),
  minCompactionLagMs: define(
    'min.compaction.lag.ms',
    msFromZero,
    '0',
    'log.cleaner.min.compaction.lag.ms',
    'A record stays uncompacted for at least this time. Not above `max.compaction.lag.ms`.',
  ),
  minInsyncReplicas: {
    ...define(
      'min.insync.replicas',
      int({ min: 1 }),
      '1',
      [{ name: 'min.insync.replicas', type: oneReplica }],
      'Replicas that must have a record before it is acknowledged with `acks=all`. More than 1 only with `engine=kafka`.',
    ),
    embeddedType: oneReplica,
  },
  preallocate: define(
    'preallocate',
    boolean,
    'false',
    'log.preallocate',
    'Kept and reported; the commit journal is preallocated, segments grow.',
  ),
  retentionBytes: define(
    'retention.bytes',
    long({ min: -1, note: '-1 = unlimited' }),
    '-1',
    'log.retention.bytes',
    'Size of a partition above which its oldest segments go.',
  ),
  retentionMs: define(
    'retention.ms',
    long({ min: -1, note: '-1 = unlimited' }),
    '604800000',
    [
      { name: 'log.retention.ms', type: retention('long') },
      { name: 'log.retention.minutes', type: retention('int'), unitMs: MINUTE_MS },
      { name: 'log.retention.hours', type: retention('int'), unitMs: HOUR_MS },
    ],
    'Age of its newest record above which a segment goes.',
  ),
  segmentBytes: define(
    'segment.bytes',
    int({ min: 1_048_576 }),
    '1073741824',
    'log.segment.bytes',
    'A segment that would grow beyond this size is closed and a new one begun.',
  ),
  segmentIndexBytes: define(
    'segment.index.bytes',
    int({ min: 4 }),
    '10485760',
    'log.index.size.max.bytes',
    'Kept and reported; the indexes are in SQLite and grow as needed.',
  ),
  segmentJitterMs: define(
    'segment.jitter.ms',
    msFromZero,
    '0',
    [
      { name: 'log.roll.jitter.ms', type: msFromZero },
      { name: 'log.roll.jitter.hours', type: int({ min: 0 }), unitMs: HOUR_MS },
    ],
    'At most so much is taken from `segment.ms`, at random for each segment, so that they do not all roll at once.',
  ),
  segmentMs: define(
    'segment.ms',
    long({ min: 1 }),
    '604800000',
    [
      { name: 'log.roll.ms', type: long({ min: 1 }) },
      { name: 'log.segment.ms', type: long({ min: 1 }), ours: true },
      { name: 'log.roll.hours', type: int({ min: 1 }), unitMs: HOUR_MS },
    ],
    'A segment that holds more than this span of record time is closed at the next append, full or not.',
  ),
  uncleanLeaderElectionEnable: define(
    'unclean.leader.election.enable',
    boolean,
    'false',
    'unclean.leader.election.enable',
    'Kept and reported; without replicas there is no election.',
  ),
} as const

function gzipLevel(): ConfigType<number> {
  const base = int({ min: -1, max: 9, note: '-1 = the default level, 0 is not allowed' })
  return {
    ...base,
    check(value) {
      base.check(value === 0 ? -2 : value)
    },
  }
}

const tiered =
  'tiered storage is not set up over HTTP: engine=embedded has none, and a Kafka cluster is told with kafka-configs'
const throttled =
  'replication is not throttled over HTTP: engine=embedded has none, and a Kafka cluster is told with kafka-configs'

/** Kafka's topic configs that are refused, each with the reason. */
export const refusedTopicConfigs: ReadonlyMap<string, string> = new Map([
  ['remote.storage.enable', tiered],
  ['remote.log.copy.disable', tiered],
  ['remote.log.delete.on.disable', tiered],
  ['local.retention.bytes', `${tiered}; set retention.bytes`],
  ['local.retention.ms', `${tiered}; set retention.ms`],
  ['leader.replication.throttled.replicas', throttled],
  ['follower.replication.throttled.replicas', throttled],
  ['message.format.version', 'Kafka 4.0 removed it: there is only record format 2'],
  [
    'message.timestamp.difference.max.ms',
    'Kafka 4.0 removed it: set message.timestamp.before.max.ms and message.timestamp.after.max.ms',
  ],
  ['message.downconversion.enable', 'Kafka 4.0 removed it: records are never converted to an older format'],
])
