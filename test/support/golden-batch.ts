import type { PlainRecord } from './record-spans.ts'

/** The record of `goldenBatch`. */
export const goldenRecord: PlainRecord = {
  key: Buffer.from('k1'),
  value: Buffer.from('hello'),
  timestamp: 1700000000000,
  headers: [{ name: Buffer.from('h1'), value: Buffer.from('v1') }],
}

/** One record at offset 42, leader epoch 0, as a Kafka client reads it; the CRC was checked by an unrelated one. */
export const goldenBatch = Buffer.from(
  [
    '000000000000002a', // baseOffset 42
    '00000045', // batchLength 69
    '00000000', // partitionLeaderEpoch
    '02', // magic
    '9f657a99', // CRC-32C of what follows
    '0000', // attributes
    '00000000', // lastOffsetDelta
    '0000018bcfe56800', // baseTimestamp
    '0000018bcfe56800', // maxTimestamp
    'ffffffffffffffff', // producerId −1
    'ffff', // producerEpoch −1
    'ffffffff', // baseSequence −1
    '00000001', // recordCount
    '26000000', // length 19, attributes, timestampDelta, offsetDelta
    '046b31', // key k1
    '0a68656c6c6f', // value hello
    '02', // one header
    '046831047631', // h1 → v1
  ].join(''),
  'hex',
)
