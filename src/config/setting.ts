/** One value given by somebody, by the name it was given for. */
export interface Setting {
  readonly name: string
  readonly value: string
  readonly layer: Layer
  /** Where it stands, for people: `server.properties line 12`, `environment POSTHORN_PORT`, `--set`. */
  readonly origin: string
}

/** Later layers win over earlier ones. */
export const layers = ['file', 'environment', 'command line'] as const
export type Layer = (typeof layers)[number]

/** Values of such names are never shown. */
const secret = /password|secret|passphrase|jaas|\.key$|credential/i

export function isSecret(name: string): boolean {
  return secret.test(name)
}

/** `log.retention.ms=abc (server.properties line 12)` */
export function shownSetting({ name, value, origin }: Setting): string {
  return `${shownName(name)}=${shownValue(name, value)} (${origin})`
}

function shownName(name: string): string {
  return printable(name, 200)
}

function shownValue(name: string, value: string): string {
  return isSecret(name) ? '…' : printable(value, 100)
}

/** One line whatever is in it, so that a problem stays one line. */
function printable(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text
  return cut.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => JSON.stringify(character).slice(1, -1))
}
