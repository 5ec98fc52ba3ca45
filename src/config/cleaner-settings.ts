import { boolean, double, int, long } from '../broker/config-value.ts'
import { defineSetting } from './setting-definition.ts'

const MIB = 1024 * 1024

/** Kafka's settings of the threads that compact. What of a topic is compacted when is its own matter. */
export const cleanerSettings = {
  logCleanerEnable: defineSetting(
    'log.cleaner.enable',
    boolean,
    'true',
    'Whether topics with the `cleanup.policy` `compact` are compacted. Without it they only grow, and so does `__consumer_offsets`.',
  ),
  logCleanerThreads: defineSetting(
    'log.cleaner.threads',
    int({ min: 1, max: 64 }),
    '1',
    'Threads that compact, each one partition at a time. They run with the lowest priority of the system.',
  ),
  logCleanerBackoffMs: defineSetting(
    'log.cleaner.backoff.ms',
    long({ min: 1, max: 2_147_483_647 }),
    '15000',
    'How long a thread rests when there is nothing to compact.',
  ),
  logCleanerDedupeBufferSize: defineSetting(
    'log.cleaner.dedupe.buffer.size',
    long({ min: MIB, max: 64 * 1024 * MIB }),
    String(128 * MIB),
    'Memory for the keys of one round, shared by the threads, 24 bytes a key; it is taken only as far as there are keys. Keys beyond it wait for a further round.',
  ),
  logCleanerIoBufferLoadFactor: defineSetting(
    'log.cleaner.io.buffer.load.factor',
    double({ min: 0.1, max: 1 }),
    '0.9',
    'Share of `log.cleaner.dedupe.buffer.size` that may be filled: the fuller, the slower.',
  ),
  logCleanerIoBufferSize: defineSetting(
    'log.cleaner.io.buffer.size',
    int({ min: 0 }),
    '524288',
    'Memory for reading and writing, shared by the threads; each has at least 128 KiB, and as much as its largest batch takes.',
  ),
  logCleanerIoMaxBytesPerSecond: defineSetting(
    'log.cleaner.io.max.bytes.per.second',
    double({ min: 1, max: Number.MAX_VALUE }),
    String(Number.MAX_VALUE),
    'So much is read and written by the threads together in a second at most.',
  ),
} as const
