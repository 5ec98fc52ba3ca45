import type { BrokerTopicDefaults } from '../broker/topic-config-definitions.ts'
import { clusterSettings as cluster } from './cluster-settings.ts'
import { warnOfEmbeddedSettings } from './embedded-settings.ts'
import { kafkaSettings as kafka } from './kafka-settings.ts'
import { readListeners, type Listener } from './listeners.ts'
import { posthornSettings as ours } from './posthorn-settings.ts'
import type { SettingDefinition } from './setting-definition.ts'
import type { SettingsReader } from './settings-reader.ts'

type Settings = typeof kafka & typeof ours & typeof cluster

/** Settings that only go into `listeners`, or that can have but one value. */
type Inputs =
  | 'listeners'
  | 'port'
  | 'listenerSecurityProtocolMap'
  | 'controllerListenerNames'
  | 'processRoles'
  | 'brokerRack'
  | 'defaultReplicationFactor'
  | 'offsetsTopicReplicationFactor'
  | Optional

/** Settings that may be left out and have no default. */
type Optional =
  | 'saslJaasConfig'
  | 'saslUsername'
  | 'saslPassword'
  | 'sslTruststoreLocation'
  | 'sslKeystoreLocation'
  | 'sslKeyPassword'

type ValueOf<D> = D extends SettingDefinition<infer T> ? T : never

/**
 * The whole configuration, checked. A member is called after its setting (`page.max.bytes` → `pageMaxBytes`), and is
 * described where that is defined: kafka-settings.ts and posthorn-settings.ts.
 */
export type ServerConfig = {
  readonly [Name in Exclude<keyof Settings, Inputs>]: ValueOf<Settings[Name]>
} & {
  readonly [Name in Optional]: ValueOf<Settings[Name]> | undefined
} & {
  /** Of topics made here; −1 = as the cluster is set. */
  readonly defaultReplicationFactor: number
  /** At least one. */
  readonly listeners: readonly Listener[]
  readonly brokerRack: string | undefined
  /** What the configuration says of topic configs: what `resolveTopicConfig` takes. */
  readonly brokerTopicDefaults: BrokerTopicDefaults
}

/** Reads every setting; problems and warnings are the reader's afterwards, and only without problems is this valid. */
export function readServerConfig(reader: SettingsReader): ServerConfig {
  const read = <T>(definition: SettingDefinition<T>): T => reader.value(definition)
  const engine = read(ours.engine)
  const replicas = read(kafka.defaultReplicationFactor)
  read(kafka.offsetsTopicReplicationFactor)
  if (!read(kafka.processRoles).includes('broker')) {
    reader.problems.push('process.roles: it must hold broker, the only role there is')
  }
  return {
    engine,
    ...readClusterConfig(reader, engine),
    defaultReplicationFactor: reader.given(kafka.defaultReplicationFactor) === undefined ? -1 : replicas,
    nodeId: read(kafka.nodeId),
    brokerRack: reader.optional(kafka.brokerRack),
    listeners: readListeners(reader),
    ...readRequestConfig(read),
    autoCreateTopicsEnable: read(kafka.autoCreateTopicsEnable),
    deleteTopicEnable: read(kafka.deleteTopicEnable),
    numPartitions: read(kafka.numPartitions),
    topicPartitionsMax: read(ours.topicPartitionsMax),
    partitionsMax: read(ours.partitionsMax),
    brokerTopicDefaults: reader.topicDefaults(),
    ...readGroupConfig(read),
    ...readCleanerConfig(read),
    logRetentionCheckIntervalMs: read(kafka.logRetentionCheckIntervalMs),
    logDirs: read(kafka.logDirs),
    ...readStorageConfig(read),
    logLevel: read(ours.logLevel),
    shutdownTimeoutMs: read(ours.shutdownTimeoutMs),
  }
}

type Read = <T>(definition: SettingDefinition<T>) => T

/** Of connections, requests and replies, and of the memory that they may hold. */
function readRequestConfig(read: Read) {
  return {
    allowedHosts: read(ours.allowedHosts),
    corsAllowedOrigins: read(ours.corsAllowedOrigins),
    maxConnections: read(kafka.maxConnections),
    connectionsMaxIdleMs: read(kafka.connectionsMaxIdleMs),
    requestMaxBytes: read(ours.requestMaxBytes),
    requestMaxRecords: read(ours.requestMaxRecords),
    recordMaxHeaders: read(ours.recordMaxHeaders),
    requestHeadersTimeoutMs: read(ours.requestHeadersTimeoutMs),
    requestIdleTimeoutMs: read(ours.requestIdleTimeoutMs),
    requestBodyTimeoutMs: read(ours.requestBodyTimeoutMs),
    requestInflightMaxBytes: read(ours.requestInflightMaxBytes),
    requestAdmissionWaitMs: read(ours.requestAdmissionWaitMs),
    replyTimeoutMs: read(ours.replyTimeoutMs),
    connectionInflightMaxRequests: read(ours.connectionInflightMaxRequests),
    pageDefaultRecords: read(ours.pageDefaultRecords),
    pageMaxRecords: read(ours.pageMaxRecords),
    pageDefaultBytes: read(ours.pageDefaultBytes),
    pageMaxBytes: read(ours.pageMaxBytes),
    pageMaxPartitions: read(ours.pageMaxPartitions),
    pageMaxWaitMs: read(ours.pageMaxWaitMs),
    fetchWaitingMax: read(ours.fetchWaitingMax),
    fetchInflightMaxBytes: read(ours.fetchInflightMaxBytes),
    produceInflightMaxBytes: read(ours.produceInflightMaxBytes),
  }
}

/** Of consumer groups, and of publishers that are known again. */
function readGroupConfig(read: Read) {
  return {
    offsetsTopicNumPartitions: read(kafka.offsetsTopicNumPartitions),
    offsetsTopicSegmentBytes: read(kafka.offsetsTopicSegmentBytes),
    offsetMetadataMaxBytes: read(kafka.offsetMetadataMaxBytes),
    offsetsRetentionMinutes: read(kafka.offsetsRetentionMinutes),
    offsetsRetentionCheckIntervalMs: read(kafka.offsetsRetentionCheckIntervalMs),
    groupConsumerSessionTimeoutMs: read(kafka.groupConsumerSessionTimeoutMs),
    groupConsumerMinSessionTimeoutMs: read(kafka.groupConsumerMinSessionTimeoutMs),
    groupConsumerMaxSessionTimeoutMs: read(kafka.groupConsumerMaxSessionTimeoutMs),
    groupConsumerHeartbeatIntervalMs: read(kafka.groupConsumerHeartbeatIntervalMs),
    groupConsumerMinHeartbeatIntervalMs: read(kafka.groupConsumerMinHeartbeatIntervalMs),
    groupConsumerMaxHeartbeatIntervalMs: read(kafka.groupConsumerMaxHeartbeatIntervalMs),
    groupConsumerMaxSize: read(kafka.groupConsumerMaxSize),
    groupConsumerAssignors: read(kafka.groupConsumerAssignors),
    producerIdExpirationMs: read(kafka.producerIdExpirationMs),
    producerIdExpirationCheckIntervalMs: read(kafka.producerIdExpirationCheckIntervalMs),
    idempotencyKeyRetentionMs: read(ours.idempotencyKeyRetentionMs),
    producerStateMaxBytes: read(ours.producerStateMaxBytes),
  }
}

/** Of how a cluster is reached. */
function readClusterConfig(reader: SettingsReader, engine: 'embedded' | 'kafka') {
  if (engine === 'embedded') warnOfIdleClusterSettings(reader)
  else warnOfEmbeddedSettings(reader)
  return {
    bootstrapServers: reader.value(cluster.bootstrapServers),
    clientId: reader.value(cluster.clientId),
    securityProtocol: reader.value(cluster.securityProtocol),
    saslMechanism: reader.value(cluster.saslMechanism),
    saslJaasConfig: reader.optional(cluster.saslJaasConfig),
    saslUsername: reader.optional(cluster.saslUsername),
    saslPassword: reader.optional(cluster.saslPassword),
    sslTruststoreLocation: reader.optional(cluster.sslTruststoreLocation),
    sslKeystoreLocation: reader.optional(cluster.sslKeystoreLocation),
    sslKeyPassword: reader.optional(cluster.sslKeyPassword),
    sslEndpointIdentificationAlgorithm: reader.value(cluster.sslEndpointIdentificationAlgorithm),
    requestTimeoutMs: reader.value(cluster.requestTimeoutMs),
    defaultApiTimeoutMs: reader.value(cluster.defaultApiTimeoutMs),
    deliveryTimeoutMs: reader.value(cluster.deliveryTimeoutMs),
    retryBackoffMs: reader.value(cluster.retryBackoffMs),
    retryBackoffMaxMs: reader.value(cluster.retryBackoffMaxMs),
    metadataMaxAgeMs: reader.value(cluster.metadataMaxAgeMs),
  }
}

/** Kafka's own files of settings have some of them too. */
function warnOfIdleClusterSettings(reader: SettingsReader): void {
  const { bootstrapServers, ...others } = cluster
  if ((reader.given(bootstrapServers)?.value.trim() ?? '') !== '') {
    reader.problems.push('bootstrap.servers: records are kept on this machine; set engine=kafka to use a cluster')
  }
  const idle = Object.values(others).filter((definition) => reader.given(definition) !== undefined)
  if (idle.length === 0) return
  const names = idle.map(({ name }) => name).sort()
  reader.warnings.push(`without effect while engine=embedded: ${names.join(', ')}`)
}

/** Of what lies on the disks. */
function readStorageConfig(read: Read) {
  return {
    numRecoveryThreadsPerDataDir: read(kafka.numRecoveryThreadsPerDataDir),
    journalFileBytes: read(ours.journalFileBytes),
    journalDirectMinBytes: read(ours.journalDirectMinBytes),
    journalPendingMaxBytes: read(ours.journalPendingMaxBytes),
    journalCheckpointDirectBytes: read(ours.journalCheckpointDirectBytes),
    logDirFreeMinBytes: read(ours.logDirFreeMinBytes),
    logDirReserveBytes: read(ours.logDirReserveBytes),
    clockJumpMaxMs: read(ours.clockJumpMaxMs),
    clockJumpAccept: read(ours.clockJumpAccept),
    catalogueRebuildAccept: read(ours.catalogueRebuildAccept),
    logScrubBytesPerSecond: read(ours.logScrubBytesPerSecond),
    logScrubIntervalMs: read(ours.logScrubIntervalMs),
    logOpenFilesMax: read(ours.logOpenFilesMax),
  }
}

function readCleanerConfig(read: Read) {
  return {
    logCleanerEnable: read(kafka.logCleanerEnable),
    logCleanerThreads: read(kafka.logCleanerThreads),
    logCleanerBackoffMs: read(kafka.logCleanerBackoffMs),
    logCleanerDedupeBufferSize: read(kafka.logCleanerDedupeBufferSize),
    logCleanerIoBufferLoadFactor: read(kafka.logCleanerIoBufferLoadFactor),
    logCleanerIoBufferSize: read(kafka.logCleanerIoBufferSize),
    logCleanerIoMaxBytesPerSecond: read(kafka.logCleanerIoMaxBytesPerSecond),
  }
}
