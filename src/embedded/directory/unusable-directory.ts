import { errorCode, errorMessage, StartupError } from '../startup-error.ts'
import type { Formatted, Survey } from './survey-directory.ts'

/** A directory that is to be formatted must be empty or missing. */
export function refuseUnusable(survey: Survey): void {
  if (survey.kind === 'occupied') {
    throw new StartupError(
      `The log directory ${survey.path} holds files ('${survey.entry}') but no meta.properties. Nothing was touched. ` +
        `If they are a server's, run 'posthorn repair' with the same configuration: it puts meta.properties back; ` +
        `otherwise set log.dirs to an empty directory.`,
    )
  }
  if (survey.kind === 'failed') throw unusable(survey.path, survey.error)
}

/** For a directory that the catalogue knows. Throws StartupError where it is there and may not be read. */
export function whyAbsent(survey: Exclude<Survey, Formatted>): string {
  if (survey.kind === 'missing') return 'it is missing'
  if (survey.kind === 'empty')
    return 'it is empty, but the catalogue knows it: the disk behind it is probably not mounted'
  if (survey.kind === 'occupied') {
    return `it has no meta.properties (it holds '${survey.entry}'): stop the server, and run 'posthorn repair'`
  }
  const code = errorCode(survey.error)
  if (code === 'EACCES' || code === 'EPERM') throw unusable(survey.path, survey.error)
  return errorMessage(survey.error)
}

function unusable(directory: string, error: unknown): StartupError {
  return new StartupError(
    `The log directory ${directory} cannot be read: ${errorMessage(error)}. The user that runs the server must be able ` +
      `to read and write it: change its owner or permissions, or set log.dirs to another directory.`,
    { cause: error },
  )
}
