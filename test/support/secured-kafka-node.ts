import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from './free-ports.ts'
import { KafkaNode } from './kafka-node.ts'
import { kafkaTool } from './kafka-tools.ts'

const run = promisify(execFile)

/** A node that asks who is there. */
export interface SecuredKafkaNode {
  readonly node: KafkaNode
  readonly saslPlaintext: string
  readonly saslSsl: string
  /** Here who connects shows a certificate of the same authority. */
  readonly mutualSsl: string
  /** The certificate of who signed the node's own. */
  readonly authorityFile: string
  /** The certificate and key of `CN=gateway`, and the same with the key locked by `gateway secret`. */
  readonly clientFile: string
  readonly lockedClientFile: string
  /** A certificate and key that nobody knows. */
  readonly strangerFile: string
}

const plainUsers =
  'org.apache.kafka.common.security.plain.PlainLoginModule required user_admin="admin secret" user_alice="alice secret";'

/**
 * Users: `admin` and `alice` with PLAIN, `bob` with SCRAM-SHA-256, passwords `admin secret` and so on. Alice may do nothing,
 * the others everything.
 *
 * @param settings Kafka's own, `name=value`
 */
export async function startSecuredKafkaNode(
  folder: string,
  settings: readonly string[] = [],
): Promise<SecuredKafkaNode> {
  const [broker = 0, controller = 0, plaintext = 0, ssl = 0, mutual = 0] = await freePorts(5)
  const clients = `PLAINTEXT://127.0.0.1:${broker},SASL_PLAINTEXT://127.0.0.1:${plaintext},SASL_SSL://127.0.0.1:${ssl},SSL://127.0.0.1:${mutual}`
  const files = await certificates(folder)
  const node = await KafkaNode.format({
    folder: join(folder, 'node-1'),
    nodeId: 1,
    ports: [{ broker, controller }],
    settings: [
      `listeners=${clients},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=${clients}`,
      'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256',
      `listener.name.sasl_plaintext.plain.sasl.jaas.config=${plainUsers}`,
      `listener.name.sasl_ssl.plain.sasl.jaas.config=${plainUsers}`,
      'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS;User:admin;User:bob;User:CN=gateway',
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${files.keystoreFile}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${files.authorityFile}`,
      'listener.name.ssl.ssl.client.auth=required',
      ...settings,
    ],
  })
  await node.start()
  await kafkaTool('kafka.admin.ConfigCommand', [
    ...serverAndUser(node.address, 'bob'),
    '--alter',
    '--add-config',
    'SCRAM-SHA-256=[password=bob secret]',
  ])
  const at = (port: number): string => `127.0.0.1:${port}`
  return { node, ...files, saslPlaintext: at(plaintext), saslSsl: at(ssl), mutualSsl: at(mutual) }
}

function serverAndUser(address: string, user: string): string[] {
  return ['--bootstrap-server', address, '--entity-type', 'users', '--entity-name', user]
}

type CertificateFiles = Pick<SecuredKafkaNode, 'authorityFile' | 'clientFile' | 'lockedClientFile' | 'strangerFile'> & {
  readonly keystoreFile: string
}

/** Of an authority made for this, of a node at 127.0.0.1 and of a gateway that it signed, and of somebody else. */
async function certificates(folder: string): Promise<CertificateFiles> {
  const at = (name: string): string => join(folder, name)
  const openssl = (...parameters: string[]): Promise<unknown> => run('openssl', parameters)
  const days = ['-days', '2']
  const fresh = ['-newkey', 'rsa:2048', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...fresh,
    ...days,
    '-subj',
    '/CN=authority',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  )
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial']
  for (const name of ['node', 'gateway']) {
    const [key, request, signed] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.crt`)]
    await openssl('req', ...fresh, '-subj', `/CN=${name}`, '-keyout', key, '-out', request)
    writeFileSync(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1\n')
    await openssl('x509', '-req', '-in', request, ...signer, '-extfile', at(`${name}.ext`), ...days, '-out', signed)
  }
  await openssl(
    'req',
    '-x509',
    ...fresh,
    ...days,
    '-subj',
    '/CN=gateway',
    '-keyout',
    at('no.key'),
    '-out',
    at('no.crt'),
  )
  const locked = ['-aes256', '-passout', 'pass:gateway secret', '-out', at('locked.key')]
  await openssl('pkey', '-in', at('gateway.key'), ...locked)
  const together = (name: string, key: string, certificate: string): string => {
    writeFileSync(at(name), `${readFileSync(at(key), 'utf8')}${readFileSync(at(certificate), 'utf8')}`)
    return at(name)
  }
  return {
    authorityFile: at('ca.pem'),
    keystoreFile: together('keystore.pem', 'node.key', 'node.crt'),
    clientFile: together('client.pem', 'gateway.key', 'gateway.crt'),
    lockedClientFile: together('locked.pem', 'locked.key', 'gateway.crt'),
    strangerFile: together('stranger.pem', 'no.key', 'no.crt'),
  }
}
