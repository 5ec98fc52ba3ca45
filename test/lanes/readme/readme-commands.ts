import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { repositoryRoot } from '../../tidy/source-files.ts'

const run = promisify(execFile)

/** The commands of the README's `sh` blocks, in order. */
export async function readmeCommands(): Promise<string[]> {
  const readme = await readFile(join(repositoryRoot, 'README.md'), 'utf8')
  return [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap((block) => (block[1] ?? '').trimEnd().split('\n'))
}

/** Runs a command of the README against the server at this port; rejects where it fails, an HTTP error included. */
export async function runReadmeCommand(t: TestContext, command: string, port: number): Promise<void> {
  const script = `curl() { command curl -sS --fail-with-body "$@"; }\n${command.replaceAll('127.0.0.1:8082', `127.0.0.1:${port}`)}`
  const done = await run('bash', ['-ec', script], { cwd: repositoryRoot }).catch((error: unknown) => {
    throw new Error(`the README's command fails: ${command}`, { cause: error })
  })
  t.diagnostic(`${command.slice(0, 100)} → ${done.stdout.slice(0, 60).replaceAll('\n', ' ')}`)
}
