import { atMostRssMiB, judged } from '../goals.ts'
import { assertFreeSpace } from '../measure/free-space.ts'
import { burst, type Burst } from '../measure/interleave.ts'
import { forgetPeak, peakResidentMiB } from '../measure/process-figures.ts'
import type { Part } from '../part.ts'
import { logGibOf } from './filling.ts'
import { createTopic, freshDirectory, jsonLoad, publishRow } from './publishing.ts'

const PARTITIONS = 6
const RECORDS_PER_REQUEST = 1000
const residentGoal = atMostRssMiB(250)

export const memoryPart: Part = {
  name: 'memory',
  about: 'the largest resident set while each GiB of log is written, 1000 records a request',
  async *run(context) {
    const { logGib, burstSeconds } = context.options
    assertFreeSpace(context.folder, logGib)
    const server = await context.servers.posthorn('memory', freshDirectory(context, 'data'))
    await createTopic(server.url, 'bench', PARTITIONS)
    const load = jsonLoad(context, server.url, RECORDS_PER_REQUEST, ['bench'])
    await context.generator.run(load, context.options.warmUpSeconds)
    server.loadBegins()
    const step = Math.min(1, logGib / 2)
    let bursts: Burst[] = []
    forgetPeak(server.pid)
    for (let goal = step; goal <= logGib;) {
      bursts.push(await burst({ server, load }, burstSeconds, context))
      const gib = await logGibOf(server)
      context.progress(`${gib.toFixed(2)} of ${logGib} GiB of log`)
      if (gib < goal) continue
      const work = `publishing, from ${(goal - step).toFixed(2)} to ${gib.toFixed(2)} GiB of log`
      const row = publishRow({ work, partitions: PARTITIONS, recordsPerRequest: RECORDS_PER_REQUEST, bursts })
      yield judged({ ...row, rssMiB: peakResidentMiB(server.pid) }, residentGoal)
      goal = (Math.floor(gib / step) + 1) * step
      bursts = []
      forgetPeak(server.pid)
    }
    await server.stop()
  },
}
