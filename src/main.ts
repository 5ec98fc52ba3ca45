#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { commandLineAction, type CommandLineAction } from './config/command-line.ts'

/**
 * libuv reads this when its pool is first used, which is why the rest of the program is imported below. With its own
 * default of 4 threads, syncs of a few log directories would hold up every read.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16'

/**
 * Run from TypeScript, every thread would compile it anew, which costs 15 MiB a thread and half a second. The variable
 * is for the threads, the call for this one. Where nothing can be written there, nothing is kept. `repair` and the like
 * gain by it too.
 */
if (import.meta.filename.endsWith('.ts')) {
  const folder = fileURLToPath(new URL('../node_modules/.cache/posthorn', import.meta.url))
  enableCompileCache((process.env['NODE_COMPILE_CACHE'] ??= folder))
}

const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const version =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown'

const action = commandLineAction({ argv: process.argv.slice(2), env: process.env, readFile: readFileSync }, version)
await carryOut(action)

async function carryOut(wanted: CommandLineAction): Promise<void> {
  if (wanted.kind === 'print') process.stdout.write(wanted.text)
  else if (wanted.kind === 'fail') {
    process.stderr.write(wanted.text)
    process.exitCode = wanted.exitCode
  } else if (wanted.kind === 'repair') {
    const { repair } = await import('./repair.ts')
    process.exitCode = await repair(wanted.loaded.config)
  } else {
    const { serve } = await import('./serve.ts')
    await serve(wanted.loaded, version)
  }
}
