import { join, resolve } from 'node:path'
import process from 'node:process'
import type { CommandLineAction } from './config/command-line.ts'
import { DumpedLines } from './dump-log-lines.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import { errorCode, errorMessage } from './embedded/startup-error.ts'
import { dumpSegment } from './embedded/verify/dump-segment.ts'
import { LineWriter } from './line-writer.ts'

type DumpLogCommand = Extract<CommandLineAction, { kind: 'dump-log' }>

/** `posthorn dump-log`: prints what segment files hold. Returns the exit code. */
export async function dumpLog({ files, flags }: DumpLogCommand): Promise<number> {
  const output = new LineWriter(process.stdout)
  const withRecords = flags.has('records') || flags.has('print-data')
  let exitCode = 0
  for (const file of files) {
    const lines = new DumpedLines(
      resolve(file),
      { isJson: flags.has('json'), withData: flags.has('print-data') },
      output,
    )
    lines.begin()
    try {
      await dumpSegment(resolve(file), { fileSystem: nodeFileSystem, withRecords }, lines)
    } catch (error) {
      if (errorCode(error) === undefined) throw error
      await output.end()
      process.stderr.write(`${whyNot(resolve(file), error)}\n`)
      exitCode = 2
      continue
    }
    if (lines.isDamaged && exitCode === 0) exitCode = 1
  }
  await output.end()
  return exitCode
}

function whyNot(file: string, error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return `${file} does not exist. Name segment files: ${join('<topic>-<partition>', '<first offset>.log')} in a log directory.`
    case 'EISDIR':
      return `${file} is a directory. Name its segments, ${join(file, '*.log')}; 'posthorn verify' reads a log directory.`
    case 'EACCES':
    case 'EPERM':
      return `${file} cannot be read: ${errorMessage(error)}. Run the command as the user that runs the server.`
    default:
      return `${file} cannot be read: ${errorMessage(error)}`
  }
}
