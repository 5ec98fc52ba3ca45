import { boolean, freeTexts, int, long, oneOf } from '../broker/config-value.ts'
import { defineSetting } from './setting-definition.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const HOUR_MS = 3_600_000

const timeout = int({ min: 1, max: HOUR_MS })

/** The server's settings that Kafka does not have. */
export const posthornSettings = {
  engine: defineSetting(
    'engine',
    oneOf('embedded', 'kafka'),
    'embedded',
    'What keeps the records: `embedded` is this machine’s disk, `kafka` a cluster (`bootstrap.servers`), before which this is one of any number of gateways. docs/scaling.md says how the two differ.',
  ),
  port: defineSetting(
    'port',
    int({ min: 0, max: 65_535 }),
    undefined,
    'The port of the one listener, whatever `listeners` says of it; 0 = any free port.',
  ),
  allowedHosts: defineSetting(
    'allowed.hosts',
    freeTexts('a comma-separated list of host names without scheme and port', /^([^\s/:]+|\[[0-9a-fA-F:.]+\])$/),
    '',
    'Names, besides those of the loopback, that a loopback listener answers to. Another `Host` is 421, so that a foreign page cannot reach the server through DNS.',
  ),
  corsAllowedOrigins: defineSetting(
    'cors.allowed.origins',
    freeTexts(
      '* or a comma-separated list of origins such as https://dash.example',
      /^(\*|[a-z][a-z0-9+.-]*:\/\/[^\s/]+)$/i,
    ),
    '',
    'Origins of other sites whose pages may use the API; `*` = any.',
  ),
  requestMaxBytes: defineSetting(
    'request.max.bytes',
    int({ min: KIB, max: GIB }),
    String(32 * MIB),
    'The largest request body, also once decompressed.',
  ),
  requestMaxRecords: defineSetting(
    'request.max.records',
    int({ min: 1, max: 1_000_000 }),
    '100000',
    'The most records that one publish request may hold.',
  ),
  recordMaxHeaders: defineSetting(
    'record.max.headers',
    int({ min: 0, max: 10_000 }),
    '100',
    'The most headers that a record may have.',
  ),
  requestHeadersTimeoutMs: defineSetting(
    'request.headers.timeout.ms',
    timeout,
    '10000',
    "A request's headers must have arrived within this time.",
  ),
  requestIdleTimeoutMs: defineSetting(
    'request.idle.timeout.ms',
    timeout,
    '30000',
    'A request body of which no byte came for so long is given up.',
  ),
  requestBodyTimeoutMs: defineSetting(
    'request.body.timeout.ms',
    timeout,
    '300000',
    'A whole request body must have arrived within this time.',
  ),
  requestInflightMaxBytes: defineSetting(
    'request.inflight.max.bytes',
    int({ min: MIB }),
    String(64 * MIB),
    'Bytes of requests under way: their bodies, from the headers on, and what is made of them until the answer. Beyond it requests wait, large ones from three quarters on.',
  ),
  requestAdmissionWaitMs: defineSetting(
    'request.admission.wait.ms',
    int({ min: 0, max: HOUR_MS }),
    '1000',
    'A request for which there is no room (`request.inflight.max.bytes`, `produce.inflight.max.bytes`) waits so long for it, unread, before it gets 503; 0 = it does not wait.',
  ),
  connectionInflightMaxRequests: defineSetting(
    'connection.inflight.max.requests',
    int({ min: 1, max: 10_000 }),
    '128',
    'Requests of one connection that are not answered yet (HTTP pipelining); a connection with more is closed.',
  ),
  replyTimeoutMs: defineSetting(
    'reply.timeout.ms',
    timeout,
    '120000',
    'A client that has not taken a reply within this time is cut off: a page of 16 MiB has to be read with 140 KB/s. Slower clients ask for smaller pages (`maxBytes`).',
  ),
  pageDefaultRecords: defineSetting(
    'page.default.records',
    int({ min: 1, max: 100_000 }),
    '500',
    'Records of a page when a read does not say `maxRecords`.',
  ),
  pageMaxRecords: defineSetting(
    'page.max.records',
    int({ min: 1, max: 100_000 }),
    '10000',
    'The most records that a read may ask for.',
  ),
  pageDefaultBytes: defineSetting(
    'page.default.bytes',
    int({ min: KIB, max: GIB / 4 }),
    String(MIB),
    'Bytes of a page’s records, without compression, when a read does not say `maxBytes`.',
  ),
  pageMaxBytes: defineSetting(
    'page.max.bytes',
    int({ min: KIB, max: GIB / 4 }),
    String(16 * MIB),
    'The most bytes of records, without compression, that a read may ask for. (Kafka’s `fetch.max.bytes` is about its own protocol.)',
  ),
  pageMaxPartitions: defineSetting(
    'page.max.partitions',
    int({ min: 1, max: 256 }),
    '256',
    'The most partitions that one read may cover; a cursor has no room for more.',
  ),
  pageMaxWaitMs: defineSetting(
    'page.max.wait.ms',
    int({ min: 0, max: HOUR_MS }),
    '30000',
    'The longest that a read may wait for records.',
  ),
  fetchWaitingMax: defineSetting(
    'fetch.waiting.max',
    int({ min: 1, max: 1_000_000 }),
    '2000',
    'Reads that wait for records at the same time.',
  ),
  fetchInflightMaxBytes: defineSetting(
    'fetch.inflight.max.bytes',
    int({ min: MIB }),
    String(64 * MIB),
    'Bytes of pages that clients have not taken yet. Where there is no more room, pages end early, and reads get 503.',
  ),
  produceInflightMaxBytes: defineSetting(
    'produce.inflight.max.bytes',
    int({ min: MIB }),
    String(64 * MIB),
    'Bytes of records accepted whose answer is still out; beyond it publishing waits for room.',
  ),
  topicPartitionsMax: defineSetting(
    'topic.partitions.max',
    int({ min: 1, max: 100_000 }),
    '1000',
    'The most partitions that a topic may have.',
  ),
  partitionsMax: defineSetting(
    'partitions.max',
    int({ min: 1, max: 1_000_000 }),
    '10000',
    'The most partitions of all topics together, internal ones aside.',
  ),
  idempotencyKeyRetentionMs: defineSetting(
    'idempotency.key.retention.ms',
    int({ min: 1, max: 7 * 24 * 3600 * 1000 }),
    '600000',
    'A request with an `Idempotency-Key` is known again for so long.',
  ),
  producerStateMaxBytes: defineSetting(
    'producer.state.max.bytes',
    long({ min: MIB, max: 1024 * GIB }),
    String(64 * MIB),
    'Memory for what is known of publish requests with a `Producer-Id` or an `Idempotency-Key`: about 440 bytes a producer and topic, 72 bytes a key; with `engine=kafka` about 45 bytes of each. When it is full, new ones are refused with 429.',
  ),
  journalFileBytes: defineSetting(
    'journal.file.bytes',
    int({ min: 8 * MIB, max: GIB }),
    String(32 * MIB),
    "Size of each of a log directory's two journal files.",
  ),
  journalDirectMinBytes: defineSetting(
    'journal.direct.min.bytes',
    int({ min: 64 * KIB, max: GIB }),
    String(2 * MIB),
    'A request with at least so many bytes of records goes to its segments directly instead of through the journal.',
  ),
  journalPendingMaxBytes: defineSetting(
    'journal.pending.max.bytes',
    int({ min: 8 * MIB }),
    String(64 * MIB),
    'Bytes in the journal that are not in their segments yet, a log directory; beyond it publishing waits.',
  ),
  journalCheckpointDirectBytes: defineSetting(
    'journal.checkpoint.direct.bytes',
    long({ min: MIB, max: 1024 * GIB }),
    String(256 * MIB),
    'A checkpoint is taken after this many bytes of direct appends.',
  ),
  logDirFreeMinBytes: defineSetting(
    'log.dir.free.min.bytes',
    long({ min: -1, note: '-1 = 5 % of the file system, at most 256 MiB' }),
    '-1',
    'Publishing stops, with 503, while a log directory’s file system has less free than this.',
  ),
  logDirReserveBytes: defineSetting(
    'log.dir.reserve.bytes',
    long({ min: 0, max: 1024 * GIB }),
    String(16 * MIB),
    'Space held in a file and given up when the disk is full, so that there is room to delete and to stop.',
  ),
  clockJumpMaxMs: defineSetting(
    'clock.jump.max.ms',
    long({ min: HOUR_MS, max: 365 * 24 * HOUR_MS }),
    String(24 * HOUR_MS),
    'A start so much later than the highest time seen before is doubted, as a clock is that jumps by an hour while the server runs: nothing is deleted by its age until the clock went evenly for an hour, and what is kept for less than the jump only after `clock.jump.accept`.',
  ),
  clockJumpAccept: defineSetting(
    'clock.jump.accept',
    boolean,
    'false',
    'An operator’s word that the time at this start is right. For one start, after `/health/ready` told of a `clock-jump`.',
  ),
  catalogueRebuildAccept: defineSetting(
    'catalogue.rebuild.accept',
    boolean,
    'false',
    'An operator’s word that topics which `posthorn repair` has rebuilt from directories are set up as they should be: retention and compaction begin. For one start, after `/health/ready` told of a `catalogue-rebuilt`.',
  ),
  logScrubBytesPerSecond: defineSetting(
    'log.scrub.bytes.per.second',
    long({ min: 0, max: 1024 * GIB, note: '0 = off' }),
    String(4 * MIB),
    'How fast segments are read again in the background, to find what the disk has changed before a reader does; 0 = not at all. `GET /log-dirs` shows how far it is, `/health/ready` what it found.',
  ),
  logScrubIntervalMs: defineSetting(
    'log.scrub.interval.ms',
    long({ min: 1000, max: 365 * 24 * HOUR_MS }),
    String(7 * 24 * HOUR_MS),
    'Everything is read again at most once in this time, counted from the beginning of one reading to that of the next.',
  ),
  logOpenFilesMax: defineSetting(
    'log.open.files.max',
    int({ min: 16, max: 1_000_000 }),
    '512',
    'Segment files held open at the same time.',
  ),
  logLevel: defineSetting(
    'log.level',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'What the server says of itself on standard output.',
  ),
  shutdownTimeoutMs: defineSetting(
    'shutdown.timeout.ms',
    timeout,
    '30000',
    'After this time a stop no longer waits for requests under way.',
  ),
} as const
