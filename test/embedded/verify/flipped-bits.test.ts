import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { mulberry32 } from '../../support/mulberry32.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { asKilled, settled, variedEngine, verified } from '../../support/verified-directory.ts'
import { unusedOf } from '../../support/unused-bytes.ts'

/** More by hand: `FLIPS=5000 node --test …`. */
const FLIPS = Number(process.env['FLIPS'] ?? 60)
const SEED = Number(process.env['FLIPS_SEED'] ?? 1)

function filesOf(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .filter(
      (file) => !path.basename(file).startsWith('.lock') && fs.statSync(file).isFile() && fs.statSync(file).size > 0,
    )
}

/** A bit of any file, small files as often as large ones. */
function flip(file: string, at: number, bit: number): void {
  const descriptor = fs.openSync(file, 'r+')
  const byte = Buffer.alloc(1)
  fs.readSync(descriptor, byte, 0, 1, at)
  byte[0]! ^= 1 << bit
  fs.writeSync(descriptor, byte, 0, 1, at)
  fs.closeSync(descriptor)
}

test('one flipped bit in any file is told, naming the file, unless nothing was written there', async (t) => {
  const base = tempDirectory(t)
  const directories = [path.join(base, 'a'), path.join(base, 'b')]
  const engine = await variedEngine(t, directories)
  await settled()
  const killed = asKilled(t, ...directories)
  await engine.close()
  const random = mulberry32(SEED)
  let told = 0
  for (let flips = 0; flips < FLIPS; flips++) {
    const left = flips % 2 === 0 ? killed : directories
    const files = left.flatMap(filesOf)
    const file = files[Math.floor(random() * files.length)] ?? ''
    const unused = unusedOf(file)
    const at = Math.floor(random() * unused.interestingBytes)
    const bit = Math.floor(random() * 8)
    flip(file, at, bit)
    const report = await verified(t, ...left)
    const name = `${path.relative(path.dirname(left[0] ?? ''), file)} byte ${at} bit ${bit}`
    if (report.told.some((finding) => finding.file === file && finding.consequence !== 'unfinished')) told++
    else assert.ok(unused.mayHide(at, report), `${name} is not told: ${JSON.stringify(report.told)}`)
    flip(file, at, bit)
  }
  assert.ok(told > FLIPS / 3, `${told} of ${FLIPS} told`)
  for (const left of [killed, directories]) assert.equal((await verified(t, ...left)).damaged, 0)
})
