import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import type { FileHandle, FileSystem } from '../../../src/embedded/file-system.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'

/** A disk that knows only how many of its files are open. */
class CountingDisk {
  readonly open = new Map<string, number>()
  opens = 0
  openNow = 0
  openMax = 0
  /** Opens beyond it fail with EMFILE. */
  descriptors = Number.POSITIVE_INFINITY
  missing = new Set<string>()

  get fileSystem(): FileSystem {
    const unused = () => assert.fail('not used')
    return {
      open: (path) => this.#open(path),
      mkdir: unused,
      readdir: unused,
      stat: unused,
      rename: unused,
      unlink: unused,
      removeTree: unused,
      syncDirectory: unused,
      space: unused,
    }
  }

  async #open(path: string): Promise<FileHandle> {
    await setImmediate()
    if (this.missing.has(path)) throw Object.assign(new Error('missing'), { code: 'ENOENT' })
    if (this.openNow >= this.descriptors) throw Object.assign(new Error('too many'), { code: 'EMFILE' })
    this.opens++
    this.openNow++
    this.openMax = Math.max(this.openMax, this.openNow)
    this.open.set(path, (this.open.get(path) ?? 0) + 1)
    let closed = false
    const unused = () => assert.fail('not used')
    return {
      read: async () => {
        assert.ok(!closed, 'read of a closed file')
        await setImmediate()
        assert.ok(!closed, 'closed under a reader')
        return Buffer.from(path)
      },
      write: unused,
      writeDurably: unused,
      datasync: unused,
      truncate: unused,
      size: unused,
      close: async () => {
        closed = true
        await setImmediate()
        this.openNow--
        this.open.set(path, (this.open.get(path) ?? 0) - 1)
      },
    }
  }
}

const readAll = (file: FileHandle) => file.read(0, 10)

describe('OpenFiles', () => {
  it('opens a file once for all its users, and keeps it open', async () => {
    const disk = new CountingDisk()
    const files = new OpenFiles({ fileSystem: disk.fileSystem })
    const answers = await Promise.all([1, 2, 3].map(() => files.use('/a', readAll)))
    assert.equal(answers.join(), '/a,/a,/a')
    await files.use('/a', readAll)
    assert.equal(disk.opens, 1)
    assert.equal(files.count, 1)
  })

  it('closes the least recently used first', async () => {
    const disk = new CountingDisk()
    const files = new OpenFiles({ fileSystem: disk.fileSystem, limit: 2 })
    for (const path of ['/a', '/b', '/a', '/c']) await files.use(path, readAll)
    assert.deepEqual([...disk.open], [['/a', 1], ['/b', 0], ['/c', 1]]) // prettier-ignore
  })

  it('lets a further file wait while all handles are in use', async () => {
    const disk = new CountingDisk()
    const files = new OpenFiles({ fileSystem: disk.fileSystem, limit: 1 })
    let finish = () => {}
    const first = files.use('/a', () => new Promise<void>((resolve) => (finish = resolve)))
    let done = false
    const second = files.use('/b', readAll).then(() => (done = true))
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    assert.equal(done, false)
    finish()
    await Promise.all([first, second])
    assert.equal(disk.openMax, 1)
  })

  it('gives up an idle file when the process is out of descriptors, and says so when it has none', async () => {
    const disk = new CountingDisk()
    disk.descriptors = 2
    const files = new OpenFiles({ fileSystem: disk.fileSystem })
    for (const path of ['/a', '/b', '/c']) await files.use(path, readAll)
    assert.equal(files.count, 2)
    await Promise.all(['/d', '/e', '/f', '/g'].map((path) => files.use(path, readAll)))
    disk.descriptors = 0
    const late = new OpenFiles({ fileSystem: disk.fileSystem })
    const outcomes = await Promise.allSettled(['/x', '/y'].map((path) => late.use(path, readAll)))
    assert.deepEqual(outcomes.map((outcome) => outcome.status), ['rejected', 'rejected']) // prettier-ignore
  })

  it('tries a file anew that could not be opened', async () => {
    const disk = new CountingDisk()
    disk.missing.add('/a')
    const files = new OpenFiles({ fileSystem: disk.fileSystem, limit: 1 })
    await assert.rejects(files.use('/a', readAll), { code: 'ENOENT' })
    disk.missing.clear()
    await files.use('/a', readAll)
    assert.equal(files.count, 1)
  })

  it('closes a file behind its users, and those below a directory', async () => {
    const disk = new CountingDisk()
    const files = new OpenFiles({ fileSystem: disk.fileSystem })
    await Promise.all([files.use('/d/a', readAll), files.use('/d/b', readAll), files.use('/da', readAll)])
    const reading = files.use('/d/a', readAll)
    await files.closeUnder('/d')
    await reading
    assert.deepEqual([...disk.open.values()].reduce((sum, count) => sum + count), 1) // prettier-ignore
    await files.close('/never-opened')
    await files.closeAll()
    assert.equal(disk.openNow, 0)
    assert.equal(files.count, 0)
  })

  it('never holds more than its limit, closes under nobody and loses no one', async () => {
    const action = fc.record({ path: fc.integer({ min: 0, max: 6 }), close: fc.boolean(), pause: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (actions, limit) => {
        const disk = new CountingDisk()
        disk.descriptors = 3
        const files = new OpenFiles({ fileSystem: disk.fileSystem, limit })
        const work: Promise<unknown>[] = []
        for (const { path, close, pause } of actions) {
          work.push(close ? files.close(`/${path}`) : files.use(`/${path}`, readAll))
          if (pause) await setImmediate()
        }
        await Promise.all(work)
        assert.ok(disk.openMax <= limit)
        await files.closeAll()
        assert.equal(disk.openNow, 0)
      }),
      { numRuns: 100 },
    )
  })
})
