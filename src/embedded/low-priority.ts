import * as os from 'node:os'
import process from 'node:process'

/** Publishing and reading come before the thread that calls this. On Linux a priority is that of the thread which sets it. */
export function yieldToOtherThreads(): void {
  if (process.platform !== 'linux') return
  try {
    os.setPriority(os.constants.priority.PRIORITY_LOW)
  } catch {
    // A wish, no more.
  }
}
