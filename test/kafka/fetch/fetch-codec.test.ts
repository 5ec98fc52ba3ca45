import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader } from '@platformatic/kafka'
import { writeFetchRequest } from '../../../src/kafka/fetch/fetch-request.ts'
import { readFetchResponse } from '../../../src/kafka/fetch/fetch-response.ts'

const uuid = '00112233-4455-6677-8899-aabbccddeeff'
const other = 'ffeeddcc-bbaa-9988-7766-554433221100'

const hex = (text: string): string => text.replaceAll(/\s/g, '')

test('a request is written as the protocol has it', () => {
  const writer = writeFetchRequest({
    maxWaitMs: 500,
    maxBytes: 0x10000,
    sessionId: 7,
    sessionEpoch: 2,
    positions: [
      { uuid, partition: 1, offset: 5, maxBytes: 0x100 },
      { uuid, partition: 2, offset: 2 ** 40, maxBytes: 0x100 },
      { uuid: other, partition: 0, offset: -1, maxBytes: 1 },
    ],
    forgotten: [{ uuid: other, partition: 3 }],
  })
  assert.equal(
    writer.buffer.toString('hex'),
    hex(`
      000001f4 00000001 00010000 01 00000007 00000002
      03
        00112233445566778899aabbccddeeff 03
          00000001 ffffffff 0000000000000005 ffffffff ffffffffffffffff 00000100 00
          00000002 ffffffff 0000010000000000 ffffffff ffffffffffffffff 00000100 00
        00
        ffeeddccbbaa99887766554433221100 02
          00000000 ffffffff ffffffffffffffff ffffffff ffffffffffffffff 00000001 00
        00
      02
        ffeeddccbbaa99887766554433221100 02 00000003 00
      01 00`),
  )
})

test('many partitions of one topic are one array', () => {
  const positions = Array.from({ length: 300 }, (_, partition) => ({ uuid, partition, offset: 0, maxBytes: 1 }))
  const request = { maxWaitMs: 0, maxBytes: 1, sessionId: 0, sessionEpoch: -1, positions, forgotten: [] }
  const bytes = writeFetchRequest(request).buffer
  assert.equal(bytes.subarray(21, 22).toString('hex'), '02')
  assert.equal(bytes.subarray(38, 40).toString('hex'), 'ad02', '301 as a varint')
  assert.equal(bytes.length, 40 + 300 * 33 + 1 + 1 + 2)
})

test('a response is read with what it says of each partition, and tags that are not known are skipped', () => {
  const bytes = Buffer.from(
    hex(`
      00000000 0000 0000002a
      02
        00112233445566778899aabbccddeeff 03
          00000001 0000 0000000000000009 0000000000000008 0000000000000002
            02 0000000000000063 0000000000000004 00
            ffffffff 04 aabbcc 00
          00000002 0006 ffffffffffffffff ffffffffffffffff ffffffffffffffff
            00 ffffffff 00 01 01 09 000000010000000300
        00
      00`),
    'hex',
  )
  assert.deepEqual(readFetchResponse(1, 1, 15, Reader.from(bytes)), {
    errorCode: 0,
    sessionId: 42,
    partitions: [
      {
        uuid,
        partition: 1,
        errorCode: 0,
        lastStableOffset: 8,
        logStartOffset: 2,
        aborted: [{ producerId: 99n, firstOffset: 4 }],
        records: Buffer.from('aabbcc', 'hex'),
      },
      {
        uuid,
        partition: 2,
        errorCode: 6,
        lastStableOffset: -1,
        logStartOffset: -1,
        aborted: [],
        records: Buffer.alloc(0),
      },
    ],
  })
})
