import { boolean, freeText, freeTexts, int, listOf, long } from '../broker/config-value.ts'
import { cleanerSettings } from './cleaner-settings.ts'
import { defineSetting } from './setting-definition.ts'

const oneReplica = int({ min: 1, max: 1, note: 'this server keeps one replica of each partition' })
const replicas = int({ min: -1, max: 32_767, note: '-1 = as the cluster is set' })
const nodeId = int({ min: 0 })
const directories = freeTexts('a comma-separated list of directories, at least one', /\S/, 1)

/**
 * Kafka's broker settings that are honoured, besides those that stand behind a topic config (topic-config-table.ts).
 * Defaults and ranges are Kafka's (4.x), unless `kafkaDefault` says otherwise.
 */
export const kafkaSettings = {
  nodeId: defineSetting(
    'node.id',
    nodeId,
    '1',
    "This server's number. `broker.id` means the same; given both, they must agree. A data directory remembers it.",
    { synonyms: [{ name: 'broker.id', type: nodeId }], synonymsMustAgree: true, kafkaDefault: 'none' },
  ),
  brokerRack: defineSetting(
    'broker.rack',
    freeText('a name'),
    undefined,
    'Where this server stands; told by `GET /cluster`.',
  ),
  processRoles: defineSetting(
    'process.roles',
    listOf('broker', 'controller'),
    'broker,controller',
    'Must hold `broker`; there is no other process that could be the controller.',
    { kafkaDefault: 'none' },
  ),
  listeners: defineSetting(
    'listeners',
    freeTexts('a comma-separated list such as http://127.0.0.1:8082', /^[\w-]+:\/\//, 1),
    'http://127.0.0.1:8082',
    'Where HTTP is served: `http://host:port`, comma separated; an empty host means all interfaces, port 0 any free port. See “Listeners” below for Kafka’s own form.',
    { kafkaDefault: 'PLAINTEXT://:9092' },
  ),
  listenerSecurityProtocolMap: defineSetting(
    'listener.security.protocol.map',
    freeTexts('a comma-separated list of NAME:PROTOCOL', /^[^:]+:[^:]+$/),
    'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    "Which protocol a listener's name stands for. Only `PLAINTEXT` can be served.",
  ),
  controllerListenerNames: defineSetting(
    'controller.listener.names',
    freeTexts('a comma-separated list of names'),
    'CONTROLLER',
    'Listeners of these names are not opened.',
    { kafkaDefault: 'none' },
  ),
  logDirs: defineSetting(
    'log.dirs',
    directories,
    './data',
    'Where records are kept: directories, comma separated, best each on its own disk; a new partition goes to the directory with the fewest. A relative path counts from the working directory. `log.dir` means the same.',
    { synonyms: [{ name: 'log.dir', type: directories }], kafkaDefault: '/tmp/kafka-logs' },
  ),
  numRecoveryThreadsPerDataDir: defineSetting(
    'num.recovery.threads.per.data.dir',
    int({ min: 1 }),
    '2',
    'Partitions of one log directory that are recovered at the same time after an unclean stop.',
  ),
  numPartitions: defineSetting(
    'num.partitions',
    int({ min: 1 }),
    '1',
    'Partitions of a topic that is created without a number.',
  ),
  autoCreateTopicsEnable: defineSetting(
    'auto.create.topics.enable',
    boolean,
    'true',
    'Whether publishing to a topic that does not exist creates it.',
  ),
  deleteTopicEnable: defineSetting('delete.topic.enable', boolean, 'true', 'Whether topics can be deleted.'),
  defaultReplicationFactor: defineSetting(
    'default.replication.factor',
    replicas,
    '1',
    'Replicas of a new topic. It must be 1, except with `engine=kafka`, where it is as the cluster is set if it is not given.',
  ),
  offsetsTopicReplicationFactor: defineSetting(
    'offsets.topic.replication.factor',
    oneReplica,
    '1',
    'Replicas of `__consumer_offsets`. There is one server, so it must be 1.',
    { kafkaDefault: '3' },
  ),
  offsetsTopicNumPartitions: defineSetting(
    'offsets.topic.num.partitions',
    int({ min: 1 }),
    '50',
    'Partitions of `__consumer_offsets`, when it is created; not to be changed afterwards.',
  ),
  offsetsTopicSegmentBytes: defineSetting(
    'offsets.topic.segment.bytes',
    int({ min: 1 }),
    '104857600',
    '`segment.bytes` of `__consumer_offsets`, when it is created.',
  ),
  offsetMetadataMaxBytes: defineSetting(
    'offset.metadata.max.bytes',
    // So many characters of three bytes still go into one record of __consumer_offsets.
    int({ min: 0, max: 131_072 }),
    '4096',
    'The longest note that can be committed with an offset.',
  ),
  logRetentionCheckIntervalMs: defineSetting(
    'log.retention.check.interval.ms',
    long({ min: 1, max: 2_147_483_647 }),
    '300000',
    'How often it is looked for segments that are too old or too many. For the first time half a minute behind the start, if not sooner.',
  ),
  offsetsRetentionMinutes: defineSetting(
    'offsets.retention.minutes',
    int({ min: 1 }),
    '10080',
    'A committed offset that was not renewed for so long is forgotten, unless a member of its group is subscribed to the topic; a group without members and offsets goes with its last one.',
  ),
  offsetsRetentionCheckIntervalMs: defineSetting(
    'offsets.retention.check.interval.ms',
    long({ min: 1, max: 2_147_483_647 }),
    '600000',
    'How often it is looked for committed offsets that are too old.',
  ),
  ...cleanerSettings,
  groupConsumerSessionTimeoutMs: defineSetting(
    'group.consumer.session.timeout.ms',
    int({ min: 1 }),
    '45000',
    'A member of a consumer group that is silent for so long has left: its partitions go to the others.',
  ),
  groupConsumerMinSessionTimeoutMs: defineSetting(
    'group.consumer.min.session.timeout.ms',
    int({ min: 1 }),
    '45000',
    'The least that `group.consumer.session.timeout.ms` may be.',
  ),
  groupConsumerMaxSessionTimeoutMs: defineSetting(
    'group.consumer.max.session.timeout.ms',
    int({ min: 1 }),
    '60000',
    'The most that `group.consumer.session.timeout.ms` may be.',
  ),
  groupConsumerHeartbeatIntervalMs: defineSetting(
    'group.consumer.heartbeat.interval.ms',
    int({ min: 1 }),
    '5000',
    'How often members are told to call.',
  ),
  groupConsumerMinHeartbeatIntervalMs: defineSetting(
    'group.consumer.min.heartbeat.interval.ms',
    int({ min: 1 }),
    '5000',
    'The least that `group.consumer.heartbeat.interval.ms` may be.',
  ),
  groupConsumerMaxHeartbeatIntervalMs: defineSetting(
    'group.consumer.max.heartbeat.interval.ms',
    int({ min: 1 }),
    '15000',
    'The most that `group.consumer.heartbeat.interval.ms` may be.',
  ),
  groupConsumerMaxSize: defineSetting(
    'group.consumer.max.size',
    int({ min: 1 }),
    '10000',
    'The most members that a consumer group can have.',
    { kafkaDefault: '2147483647' },
  ),
  groupConsumerAssignors: defineSetting(
    'group.consumer.assignors',
    listOf('uniform', 'range'),
    'uniform,range',
    'How partitions can be shared among members; the first counts where no member asks for another.',
  ),
  producerIdExpirationMs: defineSetting(
    'producer.id.expiration.ms',
    int({ min: 1 }),
    '86400000',
    'A producer that has not published to a topic for so long is forgotten there: its requests are not known again.',
  ),
  producerIdExpirationCheckIntervalMs: defineSetting(
    'producer.id.expiration.check.interval.ms',
    int({ min: 1 }),
    '600000',
    'How often memory of forgotten producers and keys is freed.',
  ),
  maxConnections: defineSetting(
    'max.connections',
    int({ min: 1 }),
    '10000',
    'Connections open at the same time; further ones are closed at once.',
    { kafkaDefault: '2147483647' },
  ),
  connectionsMaxIdleMs: defineSetting(
    'connections.max.idle.ms',
    int({ min: 1 }),
    '600000',
    'A connection on which no request came for so long is closed.',
  ),
} as const
