import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { setTimeout as delay } from 'node:timers/promises'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { asKilled, settled, variedEngine, verified } from '../../support/verified-directory.ts'

/** Every file but the lock's, with its size and times: what must be the same behind a verification. */
function listing(directory: string): string[] {
  const names = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => !name.startsWith('.lock'))
    .map((name) => {
      const { size, mtimeMs, ino } = fs.statSync(path.join(directory, name))
      return `${name} ${size} ${mtimeMs} ${ino}`
    })
}

test('what a clean stop leaves is sound, and nothing is written to it', async (t) => {
  const base = tempDirectory(t)
  const directories = [path.join(base, 'a'), path.join(base, 'b')]
  const engine = await variedEngine(t, directories)
  await settled()
  const idle = asKilled(t, ...directories)
  await engine.close()
  for (const left of [idle, directories]) {
    const before = left.map(listing)
    const report = await verified(t, ...left)
    assert.equal(report.damaged, 0, JSON.stringify(report.told, null, 1))
    assert.equal(report.partitions, 12)
    assert.deepEqual(left.map(listing), before)
  }
})

test('what a first start leaves that was killed before it had come far is no damage', async (t) => {
  const directory = path.join(tempDirectory(t), 'a')
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  await engine.close()
  for (const name of ['journal-0', 'journal-1', 'catalogue.snapshot', 'clock']) fs.rmSync(path.join(directory, name))
  const index = path.join(directory, 'index.db')
  for (const file of [index, `${index}-wal`, `${index}-shm`]) fs.rmSync(file, { force: true })
  new Database(index).exec('CREATE TABLE offset_index (a)').close()
  const report = await verified(t, directory)
  assert.equal(report.damaged, 0, JSON.stringify(report.told, null, 1))
})

test('a directory that does not know its own catalogue is told, one named without the others is not damaged', async (t) => {
  const base = tempDirectory(t)
  const directories = [path.join(base, 'a'), path.join(base, 'b')]
  const [home = '', other = ''] = directories
  const engine = await variedEngine(t, directories)
  await settled()
  await engine.close()
  const alone = await verified(t, other)
  assert.equal(alone.damaged, 0, JSON.stringify(alone.told, null, 1))
  assert.equal(alone.partitions, 6)
  const file = path.join(home, 'meta.properties')
  const text = fs.readFileSync(file, 'latin1')
  fs.writeFileSync(
    file,
    text.replace(/(catalogue\.directory\.id=)(.)/, (_, name, first) => `${name}${first === '0' ? '1' : '0'}`),
  )
  const { told } = await verified(t, home)
  assert.ok(told.some((finding) => finding.file === file && finding.consequence === 'refused'))
})

test('partitions that a kill broke off before they had an id, or before the catalogue knew them, are no damage', async (t) => {
  const base = tempDirectory(t)
  const [home, other] = [path.join(base, 'a'), path.join(base, 'b')]
  const engine = await variedEngine(t, [home, other])
  await settled()
  await engine.close()
  // As an addition leaves it in which only one directory came into being.
  fs.mkdirSync(path.join(other, 'orders-900'))
  const added = await verified(t, home, other)
  assert.equal(added.damaged, 0, JSON.stringify(added.told, null, 1))
  assert.ok(added.told.some(({ file, consequence }) => file.endsWith('orders-900') && consequence === 'unfinished'))
  fs.writeFileSync(path.join(other, 'orders-900', '00000000000000000000.log'), 'records')
  const full = await verified(t, home, other)
  assert.ok(full.told.some(({ file, consequence }) => file.endsWith('orders-900') && consequence === 'refused'))
  fs.rmSync(path.join(other, 'orders-900'), { recursive: true })
  const database = new Database(path.join(home, 'catalogue.db'))
  database.exec("UPDATE topics SET state = 'creating' WHERE name = 'orders'")
  database.close()
  fs.rmSync(path.join(home, 'orders-0'), { recursive: true, force: true })
  fs.rmSync(path.join(other, 'orders-0'), { recursive: true, force: true })
  fs.mkdirSync(path.join(other, 'orders-0'))
  const { told } = await verified(t, home, other)
  assert.ok(told.some(({ file, consequence }) => file.endsWith('orders-0') && consequence === 'unfinished'))
})

test('what a kill leaves at any moment is sound', { timeout: 60_000 }, async (t) => {
  const base = tempDirectory(t)
  for (const delayMs of [5, 60, 200, 450]) {
    await killed(base, delayMs)
    const report = await verified(t, path.join(base, 'a'), path.join(base, 'b'))
    assert.equal(report.damaged, 0, JSON.stringify(report.told, null, 1))
  }
})

async function killed(base: string, delayMs: number): Promise<void> {
  const script = path.join(import.meta.dirname, 'engine-to-kill.ts')
  const child = spawn(process.execPath, [script, base], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [began] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
  assert.equal(String(began), 'began\n')
  await delay(delayMs)
  const ended = once(child, 'close')
  child.kill('SIGKILL')
  await ended
}

test('a damaged partition.metadata is told, as what the next start writes anew, or as what needs somebody', async (t) => {
  const directory = path.join(tempDirectory(t), 'a')
  const engine = await variedEngine(t, [directory])
  await settled()
  await engine.close()
  const file = path.join(directory, 'orders-0', 'partition.metadata')
  const sound = fs.readFileSync(file)
  const damaged = async (content: Buffer) => {
    fs.writeFileSync(file, content)
    const { told } = await verified(t, directory)
    return told.filter((finding) => finding.file === file).map(({ consequence }) => consequence)
  }
  const oneBit = Buffer.from(sound)
  oneBit.writeUInt8(sound.readUInt8(30) ^ 4, 30)
  assert.deepEqual(await damaged(oneBit), ['rebuilt'])
  assert.deepEqual(await damaged(Buffer.alloc(sound.length)), ['rebuilt'])
  const another = Buffer.from(sound)
  another.write('AAAAAAAAAAAAAAAAAAAAAA', 21)
  assert.deepEqual(await damaged(another), ['refused'])
  fs.writeFileSync(file, oneBit)
  await (await openEmbeddedEngine(t, { logDirs: [directory] })).close()
  assert.deepEqual(fs.readFileSync(file), sound)
})
