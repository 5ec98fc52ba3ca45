import type { Clock } from '../broker/clock.ts'
import type { Logger } from '../broker/logger.ts'
import type { NodeAddress } from './node-connections.ts'

/** How a cluster is reached: Kafka's client settings. */
export interface ClusterOptions {
  /** `bootstrap.servers`: at least one. */
  readonly bootstrapServers: readonly NodeAddress[]
  /** `client.id` */
  readonly clientId: string
  /** From `security.protocol` and `ssl.*`; undefined = no TLS. */
  readonly tls?: TlsFiles
  /** From `security.protocol`, `sasl.mechanism` and `sasl.jaas.config`; undefined = nobody is asked who we are. */
  readonly sasl?: SaslCredentials
  /** `request.timeout.ms`: an answer of a broker that takes longer breaks the connection. */
  readonly requestTimeoutMs: number
  /** `default.api.timeout.ms`: how long a call is tried again in all, where it does not say itself. */
  readonly apiTimeoutMs: number
  /** `delivery.timeout.ms`: how long records are tried to be stored in all. */
  readonly deliveryTimeoutMs: number
  /** `retry.backoff.ms` */
  readonly retryBackoffMs: number
  /** `retry.backoff.max.ms` */
  readonly retryBackoffMaxMs: number
  /** `metadata.max.age.ms` */
  readonly metadataMaxAgeMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export interface SaslCredentials {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

/** The contents of PEM files. */
export interface TlsFiles {
  /** Who may have signed the brokers' certificates; without it those that Node trusts. */
  readonly ca?: string
  /** What we show to brokers that ask for it. */
  readonly certificate?: string
  readonly key?: string
  readonly keyPassword?: string
  /** `ssl.endpoint.identification.algorithm` is not empty: the certificate must be of the host that was asked for. */
  readonly checkHost: boolean
}
