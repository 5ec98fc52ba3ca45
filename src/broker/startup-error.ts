/**
 * The server refuses to start. The message says what is wrong, where, and what to do about it: it is for the operator,
 * and is shown without a stack. Nothing was changed that a later start would miss.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}
