import { resolve } from 'node:path'
import process from 'node:process'
import type { ServerConfig } from './config/server-config.ts'
import { repairCatalogue } from './embedded/catalogue/repair-catalogue.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import { StartupError } from './broker/startup-error.ts'

/** `posthorn repair`: rebuilds a damaged catalogue while no server runs. Returns the exit code. */
export async function repair(config: ServerConfig): Promise<number> {
  try {
    const logDirs = config.logDirs.map((directory) => resolve(directory))
    const report = await repairCatalogue({ logDirs, fileSystem: nodeFileSystem })
    const topics = `${report.topicCount} ${report.topicCount === 1 ? 'topic' : 'topics'}`
    process.stdout.write(
      report.repaired
        ? `${report.catalogue} was rebuilt from the newest valid snapshot: ${topics}\n`
        : `${report.catalogue} is sound (${topics}): nothing was changed\n`,
    )
    return 0
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}
