import { flushCompileCache } from 'node:module'
import process from 'node:process'
import closeWithGrace from 'close-with-grace'
import { startPosthorn } from './app.ts'
import type { LoadedConfig } from './config/load-config.ts'
import { StartupError } from './broker/startup-error.ts'
import { createLogger } from './observability/logger.ts'

/**
 * Runs the server until a signal ends it: SIGTERM and SIGINT finish what is under way within `shutdown.timeout.ms`, a
 * second one ends it at once (what was acknowledged is on disk either way). An error nobody caught ends it too: what is
 * in memory may be wrong then, and a restart recovers from the journal.
 */
export async function serve({ config, warnings }: LoadedConfig, version: string): Promise<void> {
  const logger = createLogger(config.logLevel)
  for (const warning of warnings) logger.warn({}, warning)
  try {
    const server = await startPosthorn(config, logger)
    closeWithGrace({ delay: config.shutdownTimeoutMs, logger }, async ({ signal, err }) => {
      if (err) logger.fatal({ err }, 'stopping after an error that nobody caught')
      else logger.info({ signal }, 'stopping')
      await server.close()
      logger.info({}, 'stopped')
    })
    const urls = server.urls.join(' and ')
    const where = config.engine === 'kafka' ? { cluster: config.bootstrapServers } : { logDirs: config.logDirs }
    logger.info({ version, ...where }, `Posthorn is ready at ${urls}`)
    if (process.stdout.isTTY) process.stdout.write(`\nPosthorn is ready at ${urls}; its pages are at ${urls}/docs\n\n`)
    // Node writes it at a clean exit only: a server that is always killed would compile everything at each start.
    flushCompileCache()
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
