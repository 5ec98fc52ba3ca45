import assert from 'node:assert/strict'
import { EmbeddedEngine } from '../../../../src/embedded/embedded-engine.ts'
import { StartupError } from '../../../../src/embedded/startup-error.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { type CallKind, type Fault, MemoryFileSystem } from '../../../support/memory-file-system.ts'
import { mulberry32 } from '../../../support/mulberry32.ts'
import { audit } from './audit.ts'
import { CallTrace } from './call-trace.ts'
import { drive, type Driven } from './drive.ts'
import { beMember, commit } from './group-clients.ts'
import { type Operation, publishAll } from './operations.ts'
import { type CrashKind, PacedDisk } from './paced-disk.ts'
import { LOG_DIRS, simulatedOptions } from './simulated-engine.ts'
import type { SimulatedIndex } from './simulated-index.ts'
import { create, makeTopics } from './topic-maker.ts'
import { type Life, World } from './world.ts'

export type FaultCode = 'EIO' | 'ENOSPC'

/** Calls that meet a full disk. */
const FILLING: readonly CallKind[] = ['open', 'write', 'mkdir', 'rename', 'truncate', 'syncDirectory', 'transaction']
const ALL: readonly CallKind[] = [
  ...FILLING,
  'read',
  'writeDurably',
  'datasync',
  'readdir',
  'stat',
  'unlink',
  'removeTree',
]
/** A full disk is asked again by then, and a lazy write tried again. */
const HEALED_MS = 7000
/** Failures of these are failures of what holds acknowledged records. */
const VITAL = /\/journal-[01]$|\/\d{20}\.log$/
const JOURNAL = /\/journal-[01]$/
const WRITING: ReadonlySet<CallKind> = new Set(['write', 'writeDurably', 'datasync'])

export interface FaultedRun {
  /** Undefined: the operation made fewer calls. */
  readonly failed: { readonly kind: CallKind; readonly path: string } | undefined
}

/**
 * One operation of a server whose disk fails once, at the n-th call; then what is promised, now and after a restart.
 *
 * @param syncLies nothing is durable from the operation on: a promise must be found broken
 */
export async function runFaulted(
  operation: Operation | 'recovery',
  code: FaultCode,
  nth: number,
  syncLies = false,
): Promise<FaultedRun> {
  const run = new FaultRun(nth, { code, nth, kinds: code === 'EIO' ? ALL : FILLING })
  await run.prepare(operation === 'recovery')
  run.disk.files.syncLies = syncLies
  return operation === 'recovery' ? run.startFaulted() : run.operateFaulted(operation)
}

class FaultRun implements Driven {
  readonly world: World
  clock = new FakeClock()
  disk: PacedDisk
  readonly #random: () => number
  readonly #fault: Fault
  readonly #nth: number
  readonly #indexes = new Map<string, SimulatedIndex>()
  readonly #trace = new CallTrace()

  constructor(nth: number, fault: Fault) {
    this.#random = mulberry32(nth)
    this.#nth = nth
    this.#fault = fault
    this.world = new World(this.#random)
    this.disk = this.#paced(new MemoryFileSystem())
  }

  #paced(files: MemoryFileSystem): PacedDisk {
    const kinds: readonly CrashKind[] = ['random', 'kill', 'none']
    const plan = { atCall: Infinity, kind: kinds[this.#nth % kinds.length] ?? 'kill' }
    return new PacedDisk(files, {
      random: this.#random,
      plan,
      paces: { mostTurns: 1, mostSyncTurns: 1 },
      trace: this.#trace,
    })
  }

  /** A server that has something to keep, to compact and to remove; killed, where its start is what is looked at. */
  async prepare(isToBeKilled: boolean): Promise<void> {
    const life = await this.#open()
    const work = async (): Promise<void> => {
      makeTopics(life)
      create(life, 'passing-b', 2)
      await this.world.settled()
      for (let times = 5; times > 0; times--) {
        for (const topic of ['steady', 'keyed', 'timed', 'passing-b']) await publishAll(life, topic, 'all', 900)
      }
      commit(life)
      beMember(life)
      await this.world.settled()
    }
    await drive(work(), 'the preparation', this)
    if (!isToBeKilled) await drive(life.engine.close(), 'the stop', this)
    this.#restart(isToBeKilled)
  }

  async operateFaulted(operation: Operation): Promise<FaultedRun> {
    const life = await this.#open()
    await drive(life.engine.groups.load(), 'the groups', this)
    this.#arm()
    await drive(operation(life), 'the operation', this)
    await this.#elapse(100)
    const [failed] = this.disk.files.failedCalls
    this.#heal()
    const isStopped = await this.#isStopped(life)
    if (failed && !isStopped) await this.#checkDirectories(life, failed)
    this.world.diskMayFail = false
    await this.#checkRestart()
    return { failed }
  }

  async startFaulted(): Promise<FaultedRun> {
    this.#arm()
    const life = await this.#open().catch((error: unknown) => {
      assert.ok(error instanceof StartupError || isSystemError(error) || isStorageError(error), String(error))
      return undefined
    })
    if (life) await this.#elapse(100)
    const [failed] = this.disk.files.failedCalls
    this.#heal()
    if (life && failed) await this.#checkDirectories(life, failed)
    this.world.diskMayFail = false
    await this.#checkRestart()
    return { failed }
  }

  #arm(): void {
    this.world.diskMayFail = true
    this.disk.files.fail(this.#fault)
  }

  #heal(): void {
    this.disk.files.healFaults()
  }

  async #open(): Promise<Life> {
    const machine = {
      disk: this.disk.files,
      clock: this.clock,
      random: this.#random,
      indexes: this.#indexes,
      onIo: () => {},
      onCompacted: () => void this.world.counts.compactions++,
    }
    const engine = await drive(EmbeddedEngine.open(simulatedOptions(machine)), 'the start', this)
    assert.ok(engine)
    return { world: this.world, engine, clock: this.clock }
  }

  async #elapse(durationMs: number): Promise<void> {
    await drive(new Promise<void>((resolve) => this.clock.setTimer(durationMs, resolve)), 'time', this)
  }

  async #isStopped({ engine }: Life): Promise<boolean> {
    const appended = engine.append({ topic: 'no such topic', parts: [], acks: 'all' })
    return drive(
      appended.then(
        () => false,
        (error: unknown) => this.world.lawful(error).code === 'SERVER_STOPPING',
      ),
      'an append',
      this,
    ).then((isStopped) => isStopped ?? false)
  }

  /** The directory that was hit is as the failure demands; the others go on; a full disk heals. */
  async #checkDirectories(life: Life, failed: { readonly kind: CallKind; readonly path: string }): Promise<void> {
    await this.#elapse(HEALED_MS)
    const hit = LOG_DIRS.find((directory) => failed.path.startsWith(directory))
    const what = `${this.#fault.code} of ${failed.kind} ${failed.path}`
    const dirs = (await drive(life.engine.logDirs(), 'the description', this)) ?? []
    for (const { path, state, reason } of dirs) {
      if (path !== hit) assert.equal(state, 'online', `${what}: ${path} is ${state}: ${reason}`)
    }
    const state = dirs.find(({ path }) => path === hit)?.state ?? 'online'
    // Frames only ever overwrite bytes that are allocated: a disk that is merely full does not refuse them.
    const isFrame = failed.kind === 'write' && JOURNAL.test(failed.path)
    if (this.#fault.code === 'ENOSPC' && failed.kind !== 'syncDirectory' && !isFrame) {
      assert.equal(state, 'online', `${what}: ${hit} does not heal`)
    }
    if (this.#fault.code === 'EIO' && WRITING.has(failed.kind) && VITAL.test(failed.path)) {
      assert.notEqual(state, 'online', `${what}: ${hit} goes on as if nothing had been`)
    }
    await this.#checkPublishing(
      life,
      new Set(dirs.filter((dir) => dir.state === 'online').map(({ path }) => path)),
      what,
    )
  }

  /** What is online takes records. */
  async #checkPublishing(life: Life, online: ReadonlySet<string>, what: string): Promise<void> {
    const descriptions = await drive(life.engine.topics.partitions('steady'), 'the partitions', this)
    const requests = await drive(publishAll(life, 'steady', 'all', 10), 'publishing', this)
    for (const { partition, logDir, online: isServed } of descriptions ?? []) {
      const outcome = requests?.[partition]?.parts.get(partition)?.outcome
      if (online.has(logDir) && isServed) assert.equal(outcome, 'stored', `${what}: ${logDir} takes no records`)
      else assert.notEqual(outcome, 'stored', `${what}: ${logDir} takes records`)
    }
  }

  /** Without a hand all is there again after a restart, and goes on. */
  async #checkRestart(): Promise<void> {
    this.#restart(true)
    const life = await this.#open()
    await drive(audit(life), 'the audit', this)
    const dirs = await drive(life.engine.logDirs(), 'the description', this)
    for (const { path, state, reason } of dirs ?? []) assert.equal(state, 'online', `${path} is ${state}: ${reason}`)
    await this.#checkPublishing(life, new Set(LOG_DIRS), 'after a restart')
    await drive(life.engine.close(), 'the stop', this)
  }

  #restart(isCrash: boolean): void {
    const files = isCrash ? this.disk.crash() : this.disk.files.kill()
    if (isCrash) {
      this.world.requests.forgetOpen()
      if (this.disk.crashKind !== 'kill') this.world.topics.powerWasCut()
      for (const [path, index] of this.#indexes) this.#indexes.set(path, index.survivor(this.#random))
    }
    this.world.crashed()
    this.disk = this.#paced(files)
    this.clock = new FakeClock(this.clock.now() + 1000)
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EIO' || error.code === 'ENOSPC')
}

function isStorageError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'KAFKA_STORAGE_ERROR'
}
