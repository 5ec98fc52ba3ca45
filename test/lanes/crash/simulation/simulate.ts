import { EmbeddedEngine } from '../../../../src/embedded/embedded-engine.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { MemoryFileSystem } from '../../../support/memory-file-system.ts'
import { mulberry32 } from '../../../support/mulberry32.ts'
import { audit } from './audit.ts'
import { CallTrace } from './call-trace.ts'
import { DiskTroubles, type Trouble } from './disk-troubles.ts'
import { drive, turn, type Driven } from './drive.ts'
import { beMember, commit } from './group-clients.ts'
import { type CrashKind, type CrashPlan, PacedDisk } from './paced-disk.ts'
import { plant, type PlantedFault } from './planted-fault.ts'
import { publish } from './publisher.ts'
import { readSome } from './reader.ts'
import { lawfulStartFailure } from './refusals.ts'
import { RepeatingProducer } from './repeating-producer.ts'
import { simulatedOptions } from './simulated-engine.ts'
import type { SimulatedIndex } from './simulated-index.ts'
import { changeTopics, makeTopics } from './topic-maker.ts'
import { type Counts, type Life, World } from './world.ts'

export const LIVES = 3
/** Of a life: most are short, so that there are many; some are long enough for files to be replaced many times. */
const SHORT = { steps: 50, calls: 450 }
const LONG = { steps: 250, calls: 2500 }
const LONG_SHARE = 0.1
/** Of calls, at least, until a crash that is to come behind the start. */
const START_CALLS = 120
/** Until everybody in a dead process has come to a stop. */
const FAREWELL_TURNS = 4

export interface Simulated {
  /** Of everything that was done to the disks. */
  readonly trace: string
  readonly counts: Counts
}

/** Several lives of a server on one disk, each ended by a crash; rejects with the first promise that is found broken. */
export async function simulate(seed: number, fault?: PlantedFault): Promise<Simulated> {
  return new Simulation(seed, fault).run()
}

class Simulation implements Driven {
  readonly world: World
  readonly #random: () => number
  readonly #fault: PlantedFault | undefined
  readonly #trace = new CallTrace()
  readonly #troubles: DiskTroubles
  readonly #producers = [
    new RepeatingProducer('counting', 'sequence'),
    new RepeatingProducer('other', 'sequence'),
    new RepeatingProducer('keyed', 'key'),
  ]
  #files = new MemoryFileSystem()
  #indexes = new Map<string, SimulatedIndex>()
  #nowMs = 1_700_000_000_000
  clock = new FakeClock(this.#nowMs)
  disk: PacedDisk

  constructor(seed: number, fault: PlantedFault | undefined) {
    this.#random = mulberry32(seed)
    this.world = new World(this.#random)
    this.#fault = fault
    this.#troubles = new DiskTroubles(seed)
    this.disk = this.#newDisk({ atCall: Infinity, kind: 'none' })
  }

  async run(): Promise<Simulated> {
    for (let life = 0; life < LIVES; life++) {
      // The first life makes directories and topics on a disk that is sound.
      if (life > 0) plant(this.#fault, this.#files)
      const size = this.#random() < LONG_SHARE ? LONG : SHORT
      this.disk = this.#newDisk(this.#planCrash(life, size.calls))
      await this.#live(1 + this.world.whole(size.steps), this.#troubles.next(life > 0))
      await this.#bury()
    }
    this.disk = this.#newDisk({ atCall: Infinity, kind: 'none' })
    plant(this.#fault, this.#files)
    await this.#live(0)
    const { counts } = this.world
    counts.calls = this.#trace.calls
    this.#trace.note(JSON.stringify(counts))
    return { trace: this.#trace.digest(), counts }
  }

  #newDisk(plan: CrashPlan): PacedDisk {
    const random = this.#random
    const isSlow = random() < 0.3
    const paces = { mostTurns: 1 + Math.floor(random() * 4), mostSyncTurns: isSlow ? 200 : 3 }
    const { callsToCrash } = this.#troubles
    return new PacedDisk(this.#files, { random, plan, paces, trace: this.#trace, callsToCrash })
  }

  #planCrash(life: number, lifeCalls: number): CrashPlan {
    const chance = this.#random()
    const kind: CrashKind = chance < 0.3 ? 'kill' : chance < 0.5 ? 'none' : chance < 0.6 ? 'all' : 'random'
    const isInStart = life > 0 && this.#random() < 0.25
    const calls = isInStart ? START_CALLS : START_CALLS + lifeCalls
    const atCall = 1 + Math.floor(this.#random() * calls)
    return { atCall, kind }
  }

  /** From a start to the crash, or the end. */
  async #live(steps: number, trouble?: Trouble): Promise<void> {
    if (trouble?.inStart === true) this.#afflict(trouble)
    const opening = EmbeddedEngine.open(
      simulatedOptions({
        disk: this.#files,
        clock: this.clock,
        random: this.#random,
        indexes: this.#indexes,
        onIo: () => this.disk.count(),
        onCompacted: () => void this.world.counts.compactions++,
      }),
    )
    const started = opening.catch((error: unknown) => lawfulStartFailure(error, this.disk.failures > 0))
    const engine = await this.#drive(started, 'the start')
    if (!engine) {
      this.world.counts.inRecovery++
      return
    }
    const life: Life = { world: this.world, engine, clock: this.clock }
    // What a start on a failing disk does not serve is looked at behind the next one.
    if (this.disk.failures === 0) await this.#auditSound(life)
    if (trouble?.inStart === false) this.#afflict(trouble)
    if (steps > 0) await this.#work(life, steps)
    if (steps === 0 || this.#random() < 0.15) {
      await this.#drive(engine.close(), 'the stop')
      if (!this.disk.survivor) this.world.counts.cleanStops++
    }
  }

  #afflict({ fault }: Trouble): void {
    this.world.diskMayFail = true
    this.#files.fail(fault)
  }

  async #auditSound(life: Life): Promise<void> {
    this.#files.healFaults()
    this.world.diskMayFail = false
    await this.#drive(audit(life), 'the audit')
  }

  async #work(life: Life, steps: number): Promise<void> {
    const { world, engine } = life
    makeTopics(life)
    for (let step = steps; step > 0 && !this.disk.survivor; step--) {
      this.#act(life)
      for (let turns = this.world.whole(7); turns > 0; turns--) await this.#turn()
    }
    // Unless it has crashed, all that was asked is answered.
    world.counts.removals += engine.statistics().keeping.removedSegments
    if (!this.disk.survivor && this.#random() < 0.3) await this.#drive(this.world.settled(), 'what was asked')
  }

  #act(life: Life): void {
    const chance = this.#random()
    if (chance < 0.4) for (let count = 1 + this.world.whole(4); count > 0; count--) publish(life)
    else if (chance < 0.55) this.world.pick(this.#producers)?.act(life)
    else if (chance < 0.68) readSome(life)
    else if (chance < 0.76) commit(life)
    else if (chance < 0.83) beMember(life)
    else if (chance < 0.9) changeTopics(life)
    else this.clock.advance(this.world.whole(this.#random() < 0.2 ? 4000 : 400))
  }

  #turn(): Promise<void> {
    return turn(this)
  }

  #drive<T>(work: Promise<T>, what: string): Promise<T | undefined> {
    return drive(work, what, this)
  }

  /** The process is gone, if by a crash that comes now: its clients know no more than they were told. */
  async #bury(): Promise<void> {
    const { counts, requests, topics } = this.world
    counts.failedCalls += this.disk.failures
    this.#files = this.disk.crash()
    // Answers that were on their way still arrive, in this life.
    for (let turns = FAREWELL_TURNS; turns > 0; turns--) await this.#turn()
    if (this.disk.crashKind === 'kill') counts.kills++
    else {
      counts.cuts++
      topics.powerWasCut()
    }
    for (const [path, index] of this.#indexes) this.#indexes.set(path, index.survivor(this.#random))
    requests.forgetOpen()
    for (const producer of this.#producers) producer.crashed()
    this.world.crashed()
    this.world.diskMayFail = false
    this.#nowMs = this.clock.now()
    this.clock = new FakeClock(this.#nowMs)
  }
}
