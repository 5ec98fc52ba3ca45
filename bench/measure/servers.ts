import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Child, Children } from './children.ts'
import { type CpuProfile, renderLines, topLines } from './cpu-profile.ts'

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url))

const PROFILE_LINES = 30

/** A server under measurement; it is started without npm, so that its start is its own. */
export interface MeasuredServer {
  readonly url: string
  readonly pid: number
  /** From spawning it to the line that says ready. */
  readonly startMs: number
  /** Warming up is over: what a profile shows begins here. */
  loadBegins(): void
  /** Throws, with what it said, if it is not running any more. */
  assertAlive(): void
  /** Asks it to stop, and waits. */
  stop(): Promise<void>
  /** As a crash would. */
  kill9(): Promise<void>
}

export interface ServersOptions {
  readonly children: Children
  /** Where profiles are collected; undefined = none is made. */
  readonly profileFolder: string | undefined
  readonly resultsFolder: string
  /** Takes the lines of a finished profile. */
  readonly profiled: (text: string) => void
}

/** The command of `npm start`, as node would be started by it. */
export function startCommand(startScript: string, moreFlags: readonly string[]): string[] {
  const [program, ...words] = startScript.split(' ')
  const main = words.pop()
  if (program !== 'node' || main === undefined)
    throw new Error(`"start" of package.json is no node command: ${startScript}`)
  return [process.execPath, ...words, ...moreFlags, main]
}

export class Servers {
  readonly #options: ServersOptions
  readonly #startScript: string
  #deaths: string[] = []
  #profiles = 0

  constructor(options: ServersOptions) {
    this.#options = options
    const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
      scripts: { start: string }
    }
    this.#startScript = manifest.scripts.start
  }

  get startScript(): string {
    return this.#startScript
  }

  /** The ends since the last call that nobody asked for, each with the last that the server said. */
  takeDeaths(): string[] {
    const deaths = this.#deaths
    this.#deaths = []
    return deaths
  }

  /** Posthorn with its defaults, but for a free port, the data directory and these `name=value` settings. */
  async posthorn(label: string, dataDirectory: string, settings: readonly string[] = []): Promise<MeasuredServer> {
    const { profileFolder } = this.#options
    const profiles = profileFolder && join(profileFolder, `profile-${++this.#profiles}`)
    const flags = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
    const all = [`log.dirs=${dataDirectory}`, 'listeners=http://127.0.0.1:0', ...settings]
    const command = [...startCommand(this.#startScript, flags), ...all.flatMap((setting) => ['--set', setting])]
    let fromUs = 0
    return await this.#start(`posthorn (${label})`, command, {
      loadBegins: () => (fromUs = Number(process.hrtime.bigint() / 1000n)),
      stopped: () => profiles && this.#collectProfile(label, profiles, fromUs),
    })
  }

  /** The baseline: plain node, none of the flags that Posthorn is started with. */
  async baseline(replyFile: string): Promise<MeasuredServer> {
    return await this.#start('no-op Fastify', [process.execPath, 'bench/no-op-server.ts', replyFile], {})
  }

  async #start(
    name: string,
    command: readonly string[],
    hooks: { readonly loadBegins?: () => void; readonly stopped?: () => void },
  ): Promise<MeasuredServer> {
    const began = performance.now()
    const child = this.#options.children.start(name, command, { cwd: repositoryRoot })
    const url = await readyUrl(child)
    void child.ended.then(() => child.diedAlone && this.#deaths.push(child.endError().message))
    return {
      url,
      pid: child.pid,
      startMs: performance.now() - began,
      loadBegins: () => hooks.loadBegins?.(),
      assertAlive() {
        if (child.hasEnded) throw child.endError()
      },
      async stop() {
        child.signal('SIGTERM')
        const { code, signal } = await child.ended
        if (name.startsWith('posthorn') && (code !== 0 || signal !== null)) throw child.endError()
        hooks.stopped?.()
      },
      async kill9() {
        child.signal('SIGKILL')
        await child.ended
      },
    }
  }

  /** The main thread's profile is kept; those of worker threads are not. */
  #collectProfile(label: string, folder: string, fromUs: number): void {
    const file = readdirSync(folder).find((name) => /^CPU\.\d+\.\d+\.\d+\.0\.\d+\.cpuprofile$/.test(name))
    if (file === undefined) throw new Error(`${folder} holds no profile of a main thread`)
    mkdirSync(this.#options.resultsFolder, { recursive: true })
    const kept = join(this.#options.resultsFolder, `${label.replaceAll(/[^a-z0-9]+/gi, '-')}.cpuprofile`)
    copyFileSync(join(folder, file), kept)
    rmSync(folder, { recursive: true })
    const profile = JSON.parse(readFileSync(kept, 'utf8')) as CpuProfile
    const lines = renderLines(topLines(profile, fromUs, PROFILE_LINES))
    this.#options.profiled(`${label}: main thread, self time without idle, ${kept}\n${lines}`)
  }
}

/** Rejects, with all it said, when the process ends before it is ready. */
async function readyUrl(child: Child): Promise<string> {
  const ready = Promise.withResolvers<string>()
  child.onStdout(() => {
    const url = /ready at (http:\/\/[^\s"]+)/.exec(child.stdout)?.[1]
    if (url !== undefined) ready.resolve(url)
  })
  void child.ended.then(() => ready.reject(child.endError()))
  return await ready.promise
}
