import { readFileSync } from 'node:fs'
import type { Clock } from './broker/clock.ts'
import type { Logger } from './broker/logger.ts'
import { StartupError } from './broker/startup-error.ts'
import { resolveTopicConfig } from './broker/topic-config-definitions.ts'
import { jaasCredentials } from './config/jaas-credentials.ts'
import type { ServerConfig } from './config/server-config.ts'
import type { SaslCredentials, TlsFiles } from './kafka/cluster-options.ts'
import type { KafkaEngineOptions } from './kafka/kafka-engine.ts'

/** What the Kafka engine is made with. Throws StartupError where a file cannot be read. */
export function kafkaEngineOptions(config: ServerConfig, clock: Clock, logger: Logger): KafkaEngineOptions {
  const tls = config.securityProtocol.endsWith('SSL') ? tlsFiles(config) : undefined
  const sasl = config.securityProtocol.startsWith('SASL_') ? saslCredentials(config) : undefined
  return {
    bootstrapServers: config.bootstrapServers.map(addressOf),
    clientId: config.clientId,
    ...(tls !== undefined && { tls }),
    ...(sasl !== undefined && { sasl }),
    requestTimeoutMs: config.requestTimeoutMs,
    apiTimeoutMs: config.defaultApiTimeoutMs,
    deliveryTimeoutMs: config.deliveryTimeoutMs,
    retryBackoffMs: config.retryBackoffMs,
    retryBackoffMaxMs: config.retryBackoffMaxMs,
    metadataMaxAgeMs: config.metadataMaxAgeMs,
    replicationFactor: config.defaultReplicationFactor,
    resolveTopicConfig,
    limits: {
      produceInflightBytesMax: config.produceInflightMaxBytes,
      admissionWaitMs: config.requestAdmissionWaitMs,
      waitingReadsMax: config.fetchWaitingMax,
      fetchInflightBytesMax: config.fetchInflightMaxBytes,
      offsetMetadataBytesMax: config.offsetMetadataMaxBytes,
      keyRetentionMs: config.idempotencyKeyRetentionMs,
      producerExpirationMs: config.producerIdExpirationMs,
      producerStateBytesMax: config.producerStateMaxBytes,
    },
    clock,
    logger,
    random: Math.random,
  }
}

function addressOf(server: string): { host: string; port: number } {
  const colon = server.lastIndexOf(':')
  return { host: server.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(server.slice(colon + 1)) }
}

function saslCredentials(config: ServerConfig): SaslCredentials {
  const { saslMechanism: mechanism, saslJaasConfig, saslUsername: username = '', saslPassword: password = '' } = config
  const told = saslJaasConfig === undefined ? undefined : jaasCredentials(saslJaasConfig)
  return { mechanism, ...(told ?? { username, password }) }
}

function tlsFiles(config: ServerConfig): TlsFiles {
  const { sslTruststoreLocation, sslKeystoreLocation, sslKeyPassword } = config
  const keystore = sslKeystoreLocation && pemFile('ssl.keystore.location', sslKeystoreLocation)
  return {
    ...(sslTruststoreLocation && { ca: pemFile('ssl.truststore.location', sslTruststoreLocation) }),
    ...(keystore && { certificate: keystore, key: keystore }),
    ...(sslKeyPassword !== undefined && { keyPassword: sslKeyPassword }),
    checkHost: config.sslEndpointIdentificationAlgorithm !== '',
  }
}

function pemFile(setting: string, path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new StartupError(`${setting}=${path}: ${error instanceof Error ? error.message : 'it cannot be read'}`)
  }
  if (text.includes('-----BEGIN ')) return text
  throw new StartupError(
    `${setting}=${path}: it is no PEM file; a Java keystore is turned into one with keytool and openssl pkcs12`,
  )
}
