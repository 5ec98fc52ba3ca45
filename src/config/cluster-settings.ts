import { freeText, freeTexts, int, oneOf } from '../broker/config-value.ts'
import { defineSetting } from './setting-definition.ts'

const milliseconds = int({ min: 1 })
const file = freeText('the path of a PEM file')

/** Kafka's client settings: how a gateway (`engine=kafka`) reaches its cluster. */
export const clusterSettings = {
  bootstrapServers: defineSetting(
    'bootstrap.servers',
    freeTexts('a comma-separated list of host:port', /^(\[[0-9a-fA-F:.]+\]|[^\s/:]+):\d{1,5}$/),
    '',
    'Some nodes of the cluster, best two or more; the others are learnt from them. Needed with `engine=kafka`, refused without.',
  ),
  clientId: defineSetting('client.id', freeText('a name'), 'posthorn', 'What the gateway calls itself to the cluster.'),
  securityProtocol: defineSetting(
    'security.protocol',
    oneOf('PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'),
    'PLAINTEXT',
    'Whether connections to the cluster are encrypted (`SSL`), and whether the gateway logs in (`SASL`).',
  ),
  saslMechanism: defineSetting(
    'sasl.mechanism',
    oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'),
    'PLAIN',
    'How the gateway logs in.',
    { kafkaDefault: 'GSSAPI' },
  ),
  saslJaasConfig: defineSetting(
    'sasl.jaas.config',
    freeText('a login module with its options'),
    undefined,
    'Who logs in, as Kafka’s clients have it: `org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…";`. Only `username` and `password` are read.',
  ),
  saslUsername: defineSetting('sasl.username', freeText('a name'), undefined, 'Instead of `sasl.jaas.config`.'),
  saslPassword: defineSetting('sasl.password', freeText('a password'), undefined, 'Instead of `sasl.jaas.config`.'),
  sslTruststoreLocation: defineSetting(
    'ssl.truststore.location',
    file,
    undefined,
    'Certificates of those who may have signed the brokers’ certificates. Not given: those that Node.js trusts.',
  ),
  sslKeystoreLocation: defineSetting(
    'ssl.keystore.location',
    file,
    undefined,
    'The gateway’s own certificate and its private key, for brokers that ask for them.',
  ),
  sslKeyPassword: defineSetting(
    'ssl.key.password',
    freeText('a password'),
    undefined,
    'Of the private key in `ssl.keystore.location`.',
  ),
  sslEndpointIdentificationAlgorithm: defineSetting(
    'ssl.endpoint.identification.algorithm',
    freeText('https, or empty', /^(https)?$/i),
    'https',
    'Empty: a broker’s certificate need not be for the host that was asked for.',
  ),
  requestTimeoutMs: defineSetting(
    'request.timeout.ms',
    milliseconds,
    '30000',
    'A node that has not answered a request within this time is taken to be gone.',
  ),
  defaultApiTimeoutMs: defineSetting(
    'default.api.timeout.ms',
    milliseconds,
    '10000',
    'How long what is asked of the cluster is tried again in all, records aside: an HTTP client waits meanwhile.',
    { kafkaDefault: '60000' },
  ),
  deliveryTimeoutMs: defineSetting(
    'delivery.timeout.ms',
    milliseconds,
    '30000',
    'How long records are tried to be stored in all: an HTTP client waits meanwhile.',
    { kafkaDefault: '120000' },
  ),
  retryBackoffMs: defineSetting('retry.backoff.ms', milliseconds, '100', 'The wait before the first further try.'),
  retryBackoffMaxMs: defineSetting(
    'retry.backoff.max.ms',
    milliseconds,
    '1000',
    'The longest wait before a further try; it doubles from try to try.',
  ),
  metadataMaxAgeMs: defineSetting(
    'metadata.max.age.ms',
    milliseconds,
    '300000',
    'What is known of the cluster is asked for again after this time, also when nothing seems to have changed.',
  ),
} as const
