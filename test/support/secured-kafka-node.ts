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
  /** The certificate of who signed the node's own. */
  readonly authorityFile: string
}

const plainUsers =
  'org.apache.kafka.common.security.plain.PlainLoginModule required user_admin="admin secret" user_alice="alice secret";'

/**
 * Users: `admin` and `alice` with PLAIN, `bob` with SCRAM-SHA-256, passwords `admin secret` and so on. Alice may do nothing,
 * the others everything.
 */
export async function startSecuredKafkaNode(folder: string): Promise<SecuredKafkaNode> {
  const [broker = 0, controller = 0, plaintext = 0, ssl = 0] = await freePorts(4)
  const clients = `PLAINTEXT://127.0.0.1:${broker},SASL_PLAINTEXT://127.0.0.1:${plaintext},SASL_SSL://127.0.0.1:${ssl}`
  const { keystoreFile, authorityFile } = await certificates(folder)
  const node = await KafkaNode.format({
    folder: join(folder, 'node-1'),
    nodeId: 1,
    ports: [{ broker, controller }],
    settings: [
      `listeners=${clients},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=${clients}`,
      'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256',
      `listener.name.sasl_plaintext.plain.sasl.jaas.config=${plainUsers}`,
      `listener.name.sasl_ssl.plain.sasl.jaas.config=${plainUsers}`,
      'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS;User:admin;User:bob',
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${keystoreFile}`,
    ],
  })
  await node.start()
  await kafkaTool('kafka.admin.ConfigCommand', [
    ...serverAndUser(node.address, 'bob'),
    '--alter',
    '--add-config',
    'SCRAM-SHA-256=[password=bob secret]',
  ])
  return { node, saslPlaintext: `127.0.0.1:${plaintext}`, saslSsl: `127.0.0.1:${ssl}`, authorityFile }
}

function serverAndUser(address: string, user: string): string[] {
  return ['--bootstrap-server', address, '--entity-type', 'users', '--entity-name', user]
}

/** Of an authority made for this, and of a node at 127.0.0.1 that it signed. */
async function certificates(folder: string): Promise<{ keystoreFile: string; authorityFile: string }> {
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
  await openssl('req', ...fresh, '-subj', '/CN=node', '-keyout', at('node.key'), '-out', at('node.csr'))
  writeFileSync(at('node.ext'), 'subjectAltName=IP:127.0.0.1\n')
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('node.ext')]
  await openssl('x509', '-req', '-in', at('node.csr'), ...signer, ...days, '-out', at('node.pem'))
  writeFileSync(at('keystore.pem'), `${readFileSync(at('node.key'), 'utf8')}${readFileSync(at('node.pem'), 'utf8')}`)
  return { keystoreFile: at('keystore.pem'), authorityFile: at('ca.pem') }
}
