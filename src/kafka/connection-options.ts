import type { ConnectionOptions } from '@platformatic/kafka'
import { isIP } from 'node:net'
import type { ClusterOptions } from './cluster-options.ts'

const CONNECT_TIMEOUT_MS = 5000
/** A connection's requests are sent as they come: how many may be under way is for those to say who send them. */
const REQUESTS_UNDER_WAY_MAX = 1000

export function connectionOptions({
  tls,
  sasl,
  requestTimeoutMs,
  bootstrapServers,
}: ClusterOptions): ConnectionOptions {
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    maxInflights: REQUESTS_UNDER_WAY_MAX,
    ...(sasl !== undefined && { sasl: { ...sasl } }),
    ...(tls !== undefined && {
      tlsServerName: bootstrapServers.every(({ host }) => isIP(host) === 0),
      tls: {
        ...(tls.ca !== undefined && { ca: tls.ca }),
        ...(tls.certificate !== undefined && { cert: tls.certificate }),
        ...(tls.key !== undefined && { key: tls.key }),
        ...(tls.keyPassword !== undefined && { passphrase: tls.keyPassword }),
        ...(!tls.checkHost && { checkServerIdentity: () => undefined }),
      },
    }),
  }
}
