import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountOf } from '../../../bench/measure/mounts.ts'

const mounts = `/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/vdb /tmp/my\\040disk xfs rw,noatime 0 0
/dev/vdc /tmp/my\\040disk btrfs rw 0 0
`

test('a path is on the deepest mount above it', () => {
  assert.equal(mountOf('/home/me', mounts)?.type, 'ext4')
  assert.equal(mountOf('/tmp', mounts)?.type, 'tmpfs')
  assert.equal(mountOf('/tmpfiles', mounts)?.device, '/dev/vda')
})

test('escaped names are read, and a later mount of a place hides the earlier', () => {
  assert.deepEqual(mountOf('/tmp/my disk/x', mounts), { device: '/dev/vdc', type: 'btrfs', options: 'rw' })
})

test('without a list of mounts it is not known', () => {
  assert.equal(mountOf('/tmp', ''), undefined)
})
