import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { ServerProcess } from '../support/server-process.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

/** The two ways to install the server that are not a checkout: the packed tarball, and the image's own steps. */

const run = promisify(execFile)

async function scratchFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-install-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function publishesAndReads(server: ServerProcess): Promise<void> {
  const body = JSON.stringify({ records: [{ key: 'user-42', value: { total: 12.5 } }] })
  const headers = { 'content-type': 'application/json' }
  const published = await fetch(`${server.url}/topics/orders/records`, { method: 'POST', headers, body })
  assert.equal(published.status, 200, await published.text())
  const read = await fetch(`${server.url}/topics/orders/records`)
  const page = (await read.json()) as { records: { key: string }[] }
  assert.deepEqual(
    page.records.map(({ key }) => key),
    ['user-42'],
  )
  assert.equal((await fetch(`${server.url}/docs`)).status, 200)
}

test('the packed tarball installs elsewhere and `npx posthorn` starts', { timeout: 300_000 }, async (t) => {
  const folder = await scratchFolder(t)
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: repositoryRoot })
  await run('npm', ['init', '-y'], { cwd: folder })
  const tarball = join(folder, packed.stdout.trim().split('\n').at(-1) ?? '')
  await run('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd: folder })
  const version = await run('npx', ['--no-install', 'posthorn', '--version'], { cwd: folder })
  const manifest = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string }
  assert.match(version.stdout, new RegExp(manifest.version.replaceAll('.', '\\.')))
  const server = await ServerProcess.start({
    command: ['npx', '--no-install', 'posthorn'],
    cwd: folder,
    settings: [`log.dirs=${join(folder, 'data')}`, 'port=18261'],
  })
  t.after(() => server.stop())
  await publishesAndReads(server)
  assert.equal(await server.stop(), 0)
  const verified = await run('npx', ['--no-install', 'posthorn', 'verify', 'data'], { cwd: folder })
  assert.match(verified.stdout, /^sound: /m)
})

/** The lines of the Dockerfile that begin with an instruction. */
function instructions(dockerfile: string, instruction: string): string[] {
  return dockerfile
    .split('\n')
    .filter((line) => line.startsWith(`${instruction} `))
    .map((line) => line.slice(instruction.length + 1))
}

test(
  "the image's own steps, with production dependencies only, give a server that starts",
  { timeout: 300_000 },
  async (t) => {
    const folder = await scratchFolder(t)
    const app = join(folder, 'app')
    const data = join(folder, 'data')
    await mkdir(app)
    const dockerfile = await readFile(join(repositoryRoot, 'Dockerfile'), 'utf8')
    assert.match(dockerfile, /^FROM node:24-slim$/m)
    assert.match(dockerfile, /^USER node$/m)
    assert.deepEqual(instructions(dockerfile, 'COPY'), ['package.json package-lock.json ./', '. .'])
    for (const name of ['package.json', 'package-lock.json', 'src', 'migrations', 'openapi']) {
      await cp(join(repositoryRoot, name), join(app, name), { recursive: true })
    }
    const local = (line: string): string =>
      line
        .replaceAll('/var/lib/posthorn', data)
        .replace(/&& chown \S+ \S+/, '')
        .replace('http://0.0.0.0:8082', 'http://127.0.0.1:18262')
    for (const line of instructions(dockerfile, 'RUN')) await run('sh', ['-c', local(line)], { cwd: app })
    const [start = '[]'] = instructions(dockerfile, 'CMD')
    const server = await ServerProcess.start({
      command: JSON.parse(local(start)) as string[],
      cwd: app,
      env: { NODE_ENV: 'production' },
    })
    t.after(() => server.stop())
    await publishesAndReads(server)
    assert.equal(await server.stop(), 0)
  },
)
