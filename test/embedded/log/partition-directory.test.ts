import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createPartitionDirectory,
  deletedDirectory,
  isDeletedDirectory,
  partitionDirectory,
  readTopicId,
} from '../../../src/embedded/log/partition-directory.ts'
import { newDisk, placementOf } from '../../support/log-directory-fixture.ts'

const placement = placementOf(3)
const directory = partitionDirectory('/data', 'orders', 3)

test('a partition’s directory says whose it is, in Kafka’s words', async () => {
  const disk = await newDisk()
  await createPartitionDirectory(disk, directory, placement)
  assert.equal(
    disk.contentOf('/data/orders-3/partition.metadata').toString(),
    `version: 0\ntopic_id: ${placement.topicId}\n`,
  )
  assert.equal(await readTopicId(disk, directory), placement.topicId)
  disk.alter('/data/orders-3/partition.metadata', () => Buffer.from('version: 1\n'))
  assert.equal(await readTopicId(disk, directory), undefined)
})

test('an unfinished creation is taken over; records, or another topic, are not', async () => {
  const disk = await newDisk()
  await createPartitionDirectory(disk, directory, placement)
  await createPartitionDirectory(disk, directory, placement)
  const other = { ...placement, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
  await assert.rejects(createPartitionDirectory(disk, directory, other), /move it away, or .*posthorn repair/)
  disk.alter('/data/orders-3/00000000000000000000.log', () => Buffer.from('records'))
  await assert.rejects(createPartitionDirectory(disk, directory, placement), /move it away/)
})

test('the name of a deleted directory fits a file system, however long the topic’s', () => {
  const name = deletedDirectory('/data', { ...placement, topic: 'a'.repeat(249) }).slice('/data/'.length)
  assert.equal(name.length, 255)
  assert.notEqual(deletedDirectory('/data', { ...placementOf(4), topic: 'a'.repeat(249) }), `/data/${name}`)
  assert.ok(isDeletedDirectory(name))
  assert.ok(!isDeletedDirectory('my-topic-delete'))
})
