import assert from 'node:assert/strict'
import test from 'node:test'
import { murmur2 } from '../../src/codec/murmur2.ts'

/** Those marked are asserted in Kafka's own UtilsTest. */
const vectors: readonly (readonly [Buffer, number])[] = [
  [Buffer.from(''), 275646681],
  [Buffer.from('a'), -1563381124],
  [Buffer.from('21'), -973932308], // Kafka's
  [Buffer.from('abc'), 479470107], // Kafka's
  [Buffer.from('key'), -1079937367],
  [Buffer.from('foobar'), -790332482], // Kafka's
  [Buffer.from('user-42'), 1459644460],
  [Buffer.from('ключ'), 2122343024],
  [Buffer.from('a-little-bit-long-string'), -985981536], // Kafka's
  [Buffer.from('a-little-bit-longer-string'), -1486304829], // Kafka's
  [Buffer.from('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8'), -58897971], // Kafka's
  [Buffer.from([0]), 375494588],
  [Buffer.from([0xff, 0xfe]), 1717632651],
]

for (const [bytes, hash] of vectors) {
  test(`murmur2 of ${JSON.stringify(bytes.toString('latin1'))}`, () => {
    assert.equal(murmur2(bytes, 0, bytes.length), hash)
    const within = Buffer.concat([Buffer.from('x'), bytes, Buffer.from('yz')])
    assert.equal(murmur2(within, 1, 1 + bytes.length), hash)
  })
}
