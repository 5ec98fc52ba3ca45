import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import process from 'node:process'
import { systemClock } from './broker/clock.ts'
import { StartupError } from './broker/startup-error.ts'
import type { CommandLineAction } from './config/command-line.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import { errorCode, errorMessage } from './embedded/startup-error.ts'
import { damageCount, verifyDirectories } from './embedded/verify/verify-directories.ts'
import { LineWriter } from './line-writer.ts'
import { VerifyProgress } from './verify-progress.ts'
import { findingLine, findingText, summaryLine, summaryText } from './verify-text.ts'

type VerifyCommand = Extract<CommandLineAction, { kind: 'verify' }>

/** `posthorn verify`: reads log directories again while no server runs. Returns the exit code. */
export async function verify({ directories, flags }: VerifyCommand): Promise<number> {
  const startedMs = systemClock.monotonic()
  const isJson = flags.has('json')
  const bar = process.stderr.isTTY ? 'bar' : flags.has('progress') ? 'lines' : 'none'
  const progress = new VerifyProgress(process.stderr, bar, systemClock)
  const output = new LineWriter(process.stdout)
  try {
    const report = await verifyDirectories({
      directories: directories.map((directory) => resolve(directory)),
      fileSystem: nodeFileSystem,
      scratch: tmpdir(),
      checksIndex: !flags.has('no-index'),
      tell: (finding) => {
        progress.clear()
        output.write(isJson ? findingLine(finding) : findingText(finding))
      },
      onProgress: (readBytes, totalBytes, file) => progress.show(readBytes, totalBytes, file),
    })
    progress.clear()
    const durationMs = systemClock.monotonic() - startedMs
    output.write(isJson ? summaryLine(report, durationMs) : summaryText(report, durationMs))
    await output.end()
    return damageCount(report) === 0 ? 0 : 1
  } catch (error) {
    progress.clear()
    if (!(error instanceof StartupError) && errorCode(error) === undefined) throw error
    process.stderr.write(`${errorMessage(error)}\n`)
    return 2
  }
}
