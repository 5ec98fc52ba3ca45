import * as fs from 'node:fs'
import * as path from 'node:path'
import { META_PROPERTIES } from '../directory/meta-properties.ts'
import { errorCode, errorMessage, StartupError } from '../startup-error.ts'

/** Throws StartupError, saying what to name instead, unless these are different directories with a meta.properties. */
export function checkNamedDirectories(directories: readonly string[]): void {
  const named = new Map<string, string>()
  for (const directory of directories) {
    const entries = entriesOf(directory)
    const real = fs.realpathSync(directory)
    const earlier = named.get(real)
    if (earlier !== undefined) throw namedTwice(directory, earlier, real)
    named.set(real, directory)
    if (!entries.includes(META_PROPERTIES)) throw noLogDirectory(directory, entries)
  }
}

function entriesOf(directory: string): string[] {
  try {
    return fs.readdirSync(directory)
  } catch (error) {
    throw new StartupError(whyNot(directory, error), { cause: error })
  }
}

function whyNot(directory: string, error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return `${directory} does not exist. Name directories of log.dirs, and mount their disks first.`
    case 'ENOTDIR':
      return directory.endsWith('.log')
        ? `${directory} is a file, not a log directory. 'posthorn dump-log ${directory}' reads one segment.`
        : `${directory} is a file, not a log directory. Name directories of log.dirs.`
    case 'EACCES':
    case 'EPERM':
      return `${directory} cannot be read: ${errorMessage(error)}. Run the command as the user that runs the server.`
    default:
      return `${directory} cannot be read: ${errorMessage(error)}. Look at the disk, or name other directories of log.dirs.`
  }
}

function namedTwice(directory: string, earlier: string, real: string): StartupError {
  const which = directory === earlier ? directory : `${earlier} and ${directory} are the same directory, ${real}, which`
  return new StartupError(`${which} is named twice. Name each log directory once.`)
}

function noLogDirectory(directory: string, entries: readonly string[]): StartupError {
  const beneath = entries.filter((name) => fs.existsSync(path.join(directory, name, META_PROPERTIES))).sort()
  const [first] = beneath
  const holds =
    entries.length === 0
      ? 'it is empty. If the server has written to it, the disk behind it is probably not mounted'
      : `it has no ${META_PROPERTIES}`
  const remedy =
    first === undefined
      ? "Name directories of log.dirs; if the file is lost, 'posthorn repair' puts it back."
      : `Log directories lie in it: name ${beneath.map((name) => path.join(directory, name)).join(' ')}.`
  return new StartupError(`${directory} is no log directory of Posthorn: ${holds}. ${remedy}`)
}
