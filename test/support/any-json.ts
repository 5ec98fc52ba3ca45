/** Whatever a server answered: a test reads it as it should be, and fails where it is not. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyJson = any
