import { pino, type Logger as PinoLogger } from 'pino'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * One JSON line an event on standard output. Payloads and credentials are never given to it; the headers that could hold
 * one are removed all the same.
 */
export function createLogger(level: LogLevel): PinoLogger {
  return pino({
    name: 'posthorn',
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['req.headers.authorization', 'req.headers.cookie'], remove: true },
  })
}
