/** One `name=value` of a .properties file. */
export interface Property {
  readonly name: string
  readonly value: string
  /** The line it begins on, from 1. */
  readonly line: number
}

/** A `\u` that four hexadecimal digits do not follow: the only thing such a file can get wrong. */
export class PropertiesSyntaxError extends Error {
  override readonly name = 'PropertiesSyntaxError'
  readonly line: number

  constructor(line: number) {
    super(`line ${line}: \\u must be followed by four hexadecimal digits`)
    this.line = line
  }
}

interface LogicalLine {
  readonly text: string
  readonly line: number
}

/**
 * Reads a file in the syntax of java.util.Properties, in file order, repeats included. Bytes that are not UTF-8 are
 * ISO-8859-1, which is what Java takes every such file for.
 */
export function parseProperties(bytes: Uint8Array): Property[] {
  return logicalLines(decode(bytes)).map(parseProperty)
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
}

/**
 * Comments and blank lines left out, continued lines joined. A line that ends in an odd number of backslashes goes on in
 * the next, whose leading blanks do not count; a comment is never continued, and what continues is never a comment.
 */
function logicalLines(text: string): LogicalLine[] {
  const found: LogicalLine[] = []
  let open: LogicalLine | undefined
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const natural = raw.replace(/^[ \t\f]+/, '')
    if (open === undefined && (natural === '' || natural.startsWith('#') || natural.startsWith('!'))) continue
    const joined: LogicalLine = { text: (open?.text ?? '') + natural, line: open?.line ?? index + 1 }
    const continued = trailingBackslashes(natural) % 2 === 1
    open = continued ? { ...joined, text: joined.text.slice(0, -1) } : undefined
    if (!continued) found.push(joined)
  }
  if (open) found.push(open)
  return found.filter(({ text: logical }) => logical !== '')
}

function trailingBackslashes(text: string): number {
  return text.length - text.replace(/\\+$/, '').length
}

/** The name ends at the first `=`, `:` or blank that no backslash precedes; blanks and one `=` or `:` separate. */
function parseProperty({ text, line }: LogicalLine): Property {
  const [, name = '', value = ''] = /^((?:\\[^]|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*([^]*)$/.exec(text) ?? []
  return { name: unescape(name, line), value: unescape(value, line), line }
}

const namedEscapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescape(text: string, line: number): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]?))/g, (_, hex: string | undefined, character = '') => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    if (character === 'u') throw new PropertiesSyntaxError(line)
    return namedEscapes[character] ?? character
  })
}
