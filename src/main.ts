#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=60
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { CommandLineAction } from './config/command-line.ts'

/**
 * libuv reads this when its pool is first used, which is why the rest of the program is imported below. With its own
 * default of 4 threads, syncs of a few log directories would hold up every read.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16'

const { commandLineAction } = await import('./config/command-line.ts')
const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const version =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown'

await carryOut(commandLineAction({ argv: process.argv.slice(2), env: process.env, readFile: readFileSync }, version))

async function carryOut(wanted: CommandLineAction): Promise<void> {
  if (wanted.kind === 'print') process.stdout.write(wanted.text)
  else if (wanted.kind === 'fail') {
    process.stderr.write(wanted.text)
    process.exitCode = wanted.exitCode
  } else if (wanted.kind === 'repair') {
    const { repair } = await import('./repair.ts')
    process.exitCode = await repair(wanted.loaded.config)
  } else if (wanted.kind === 'verify') {
    const { verify } = await import('./verify.ts')
    process.exitCode = await verify(wanted)
  } else if (wanted.kind === 'dump-log') {
    const { dumpLog } = await import('./dump-log.ts')
    process.exitCode = await dumpLog(wanted)
  } else {
    const { serve } = await import('./serve.ts')
    await serve(wanted.loaded, version)
  }
}
