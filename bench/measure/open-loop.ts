import { fileURLToPath } from 'node:url'
import type { OpenLoopLoad, OpenLoopResult } from '../open-loop/open-loop-load.ts'
import type { Children } from './children.ts'

const generator = fileURLToPath(new URL('../open-loop/generator.ts', import.meta.url))

/** Runs the open-loop generator as a process of its own. */
export async function openLoop(children: Children, load: OpenLoopLoad): Promise<OpenLoopResult> {
  const output = await children.run('open-loop generator', [process.execPath, generator, JSON.stringify(load)])
  return JSON.parse(output) as OpenLoopResult
}
