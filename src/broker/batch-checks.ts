import type { ScannedBatch } from '../codec/batch-scan.ts'
import { compressionCodec } from '../codec/record-batch.ts'
import { RecordPositions } from '../codec/batch-scan.ts'
import { decompressBatchSync } from '../codec/compressed-batch.ts'
import { readRecords } from '../codec/record-reader.ts'
import { batchPointer, placeText } from './client-batches.ts'
import { DECOMPRESSED_BATCH_MAX_BYTES } from './decompressed-batches.ts'
import { maxBatchBytes, nullKeyDetail, sizeLimitDetail, timestampDetail, tooLargeKind } from './record-checks.ts'
import type { EncodedBatch } from './append-request.ts'
import { RecordFaults } from './record-faults.ts'
import type { TopicConfig } from './topic-config.ts'
import type { TopicSummary } from './topic-store.ts'

/**
 * Checks batches that a client encoded against the rules of their topic, before any is written: by what the scan found
 * out about each. Only where one is at fault are its records walked again, to name them.
 *
 * @param now Unix milliseconds
 * @throws BrokerError with `stored: no`, naming each fault
 */
export function checkBatches(
  batches: readonly ScannedBatch[],
  body: Buffer,
  topic: TopicSummary,
  config: TopicConfig,
  now: number,
): void {
  const rules = rulesOf(config, now)
  if (batches.every((batch) => obeys(batch, rules))) return
  const faults = new RecordFaults()
  for (const [number, batch] of batches.entries()) {
    if (!obeys(batch, rules)) addFaults(faults, { number, batch, body, topic: topic.name, config, rules, now })
  }
  if (faults.count > 0) throw faults.toError()
}

/**
 * Checks what the batches became that the topic stores in another compression.
 *
 * @param converted in the order of `batches`
 * @throws BrokerError with `stored: no`, naming each that is too large now
 */
export function checkConverted(
  converted: readonly EncodedBatch[],
  batches: readonly ScannedBatch[],
  config: TopicConfig,
): void {
  const maxBytes = maxBatchBytes(config)
  if (converted.every(({ bytes }) => bytes.length <= maxBytes)) return
  const faults = new RecordFaults()
  for (const [number, { position }] of batches.entries()) {
    const sizeBytes = converted[number]?.bytes.length ?? 0
    if (sizeBytes <= maxBytes) continue
    const place = { batch: number, byte: position }
    faults.add(tooLargeKind(sizeBytes, config), batchPointer(place), () => {
      const stored = `compression.type=${config.compressionType}`
      return `${placeText(place)} takes ${sizeBytes} bytes as the topic stores it (${stored}): ${sizeLimitDetail(sizeBytes, config)} Encode smaller ones.`
    })
  }
  throw faults.toError()
}

interface TopicRules {
  readonly oldest: number
  readonly newest: number
  readonly maxBytes: number
  readonly needsKey: boolean
}

function rulesOf(config: TopicConfig, now: number): TopicRules {
  // With LogAppendTime the records' own times are not used, so they are not judged.
  const judged = config.messageTimestampType === 'CreateTime'
  return {
    oldest: judged ? now - config.messageTimestampBeforeMaxMs : -Infinity,
    newest: judged ? now + config.messageTimestampAfterMaxMs : Infinity,
    maxBytes: maxBatchBytes(config),
    needsKey: config.cleanupPolicy.includes('compact'),
  }
}

function obeys(batch: ScannedBatch, rules: TopicRules): boolean {
  if (batch.sizeBytes > rules.maxBytes) return false
  if (rules.needsKey && batch.firstNullKey >= 0) return false
  // A batch that has records without a timestamp (−1) is looked at more closely.
  return batch.newestTimestamp <= rules.newest && batch.oldestTimestamp >= rules.oldest
}

interface BatchAtFault {
  readonly number: number
  readonly batch: ScannedBatch
  readonly body: Buffer
  readonly topic: string
  readonly config: TopicConfig
  readonly rules: TopicRules
  readonly now: number
}

function addFaults(faults: RecordFaults, at: BatchAtFault): void {
  const { number, batch, body, config, rules, now } = at
  const { sizeBytes, position } = batch
  if (sizeBytes > rules.maxBytes) {
    const place = { batch: number, byte: position }
    faults.add(tooLargeKind(sizeBytes, config), batchPointer(place), () => {
      return `${placeText(place)} takes ${sizeBytes} bytes: ${sizeLimitDetail(sizeBytes, config)} Encode smaller ones.`
    })
  }
  let index = 0
  // Its content was read before. It is opened again, and here, only to say what is wrong with it.
  const plain = decompressBatchSync(body, position, DECOMPRESSED_BATCH_MAX_BYTES)
  const isCompressed = compressionCodec(body, position) !== 0
  const positions = new RecordPositions(plain, 0)
  readRecords(plain, 0, {
    record(_offset, timestamp, keyStart) {
      const record = index++
      // −1 says that there is none, which every topic takes.
      const isUntimely = timestamp !== -1 && (timestamp < rules.oldest || timestamp > rules.newest)
      const lacksKey = rules.needsKey && keyStart < 0
      if (!isUntimely && !lacksKey) return true
      // There may be millions, and these are not told.
      if (!faults.tellsMore) {
        if (isUntimely) faults.addUntold('timestamp')
        if (lacksKey) faults.addUntold('null-key')
        return true
      }
      const byte = isCompressed ? position : position + positions.of(record)
      const place = placeText({ batch: number, byte, record })
      const pointer = `/batches/${number}/records/${record}`
      if (isUntimely) {
        faults.add('timestamp', `${pointer}/timestamp`, () => `${place}: ${timestampDetail(timestamp, config, now)}`)
      }
      if (lacksKey) faults.add('null-key', `${pointer}/key`, () => `${place}: ${nullKeyDetail(at.topic)}`)
      return true
    },
  })
}
