/** What rooms other than `http` and `observability` know of logging; pino's loggers are of this shape. */
export interface Logger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export const silentLogger: Logger = { info() {}, warn() {}, error() {} }
