import type { ConnectionOptions } from '@platformatic/kafka'
import { createSecureContext } from 'node:tls'
import { StartupError } from '../broker/startup-error.ts'
import type { ClusterOptions, TlsFiles } from './cluster-options.ts'

const CONNECT_TIMEOUT_MS = 5000
/** A connection's requests are sent as they come: how many may be under way is for those to say who send them. */
const REQUESTS_UNDER_WAY_MAX = 1000

/** Throws StartupError where the TLS files are not what they should be. */
export function connectionOptions({ tls, sasl, requestTimeoutMs }: ClusterOptions): ConnectionOptions {
  if (tls !== undefined) checkTlsFiles(tls)
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    maxInflights: REQUESTS_UNDER_WAY_MAX,
    ...(sasl !== undefined && { sasl: { ...sasl } }),
    ...(tls !== undefined && {
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

/** Each connection would fail on them, in the midst of things. */
function checkTlsFiles({ ca, certificate, key, keyPassword }: TlsFiles): void {
  try {
    if (ca !== undefined) createSecureContext({ ca })
  } catch (error) {
    throw new StartupError(`ssl.truststore.location: it holds no certificate that can be read: ${saidBy(error)}`)
  }
  if (key === undefined) return
  if (!key.includes('PRIVATE KEY-----')) {
    throw new StartupError(
      'ssl.keystore.location: it holds no private key; put the key and its certificate into one file',
    )
  }
  try {
    const passphrase = keyPassword ?? ''
    createSecureContext({ key, passphrase, ...(certificate !== undefined && { cert: certificate }) })
  } catch (error) {
    const remedy = key.includes('ENCRYPTED') ? 'is ssl.key.password given, and right?' : 'are they a pair?'
    throw new StartupError(`ssl.keystore.location: its key or certificate cannot be used (${saidBy(error)}): ${remedy}`)
  }
}

function saidBy(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
