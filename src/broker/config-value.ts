/** A value's text did not fit its type. `allowed` completes the sentence "… must be". */
export class ConfigValueError extends Error {
  override readonly name = 'ConfigValueError'
  readonly allowed: string

  constructor(allowed: string) {
    super(`must be ${allowed}`)
    this.allowed = allowed
  }
}

/** How the text of a config is read: Kafka's ConfigDef types, with the range a part of the type. */
export interface ConfigType<T> {
  readonly kind: 'int' | 'long' | 'double' | 'boolean' | 'string' | 'list'
  /** For people: completes "must be …". */
  readonly allowed: string
  /** Reads text of the right form, whatever its range; throws `ConfigValueError`. Blanks around it do not count. */
  read(text: string): T
  /** Throws `ConfigValueError` where a value that was read is out of range. */
  check(value: T): void
  /** The one way this value is written down, so that equal values have equal texts. */
  normalise(text: string): string
}

export const INT_MAX = 2 ** 31 - 1
export const LONG_MAX_TEXT = '9223372036854775807'
/** Above 2^53 values are only ever compared with smaller ones, so that the rounding of a double does no harm. */
export const LONG_MAX = Number(LONG_MAX_TEXT)

interface Range {
  readonly min?: number
  readonly max?: number
  /** Said behind the range: what a special value means. */
  readonly note?: string
}

/** Kafka's INT: 32 bits, signed. */
export function int(range: Range = {}): ConfigType<number> {
  return whole('int', { ...range, min: range.min ?? -(2 ** 31), max: range.max ?? INT_MAX })
}

/** Kafka's LONG: 64 bits, signed. */
export function long(range: Range = {}): ConfigType<number> {
  return whole('long', { ...range, min: range.min ?? -(2 ** 63), max: range.max ?? LONG_MAX })
}

function whole(kind: 'int' | 'long', { min, max, note }: Required<Omit<Range, 'note'>> & Range): ConfigType<number> {
  const numbers = min === max ? wholeText(min) : `a whole number from ${wholeText(min)} to ${wholeText(max)}`
  const allowed = `${numbers}${note ? ` (${note})` : ''}`
  return {
    kind,
    allowed,
    read(text) {
      if (!/^[+-]?\d{1,25}$/.test(text.trim())) throw new ConfigValueError(allowed)
      if (kind === 'long' && BigInt.asIntN(64, exact(text)) !== exact(text)) throw new ConfigValueError(allowed)
      return Number(text)
    },
    check(value) {
      if (value < min || value > max) throw new ConfigValueError(allowed)
    },
    normalise: (text) => exact(text).toString(),
  }
}

/** `BigInt` takes no plus sign. */
function exact(text: string): bigint {
  return BigInt(text.trim().replace(/^\+/, ''))
}

function wholeText(value: number): string {
  if (value === LONG_MAX) return LONG_MAX_TEXT
  return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString()
}

export function double({ min, max }: { readonly min: number; readonly max: number }): ConfigType<number> {
  const allowed = `a number from ${min} to ${max}`
  return {
    kind: 'double',
    allowed,
    read(text) {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) throw new ConfigValueError(allowed)
      return Number(text)
    },
    check(value) {
      if (value < min || value > max) throw new ConfigValueError(allowed)
    },
    normalise: (text) => String(Number(text)),
  }
}

export const boolean: ConfigType<boolean> = {
  kind: 'boolean',
  allowed: 'true or false',
  read(text) {
    const word = text.trim().toLowerCase()
    if (word !== 'true' && word !== 'false') throw new ConfigValueError('true or false')
    return word === 'true'
  },
  check() {},
  normalise: (text) => text.trim().toLowerCase(),
}

export function oneOf<const W extends string>(...words: readonly W[]): ConfigType<W> {
  const allowed = `one of ${words.join(', ')}`
  return {
    kind: 'string',
    allowed,
    read(text) {
      const word = words.find((candidate) => candidate === text.trim())
      if (word === undefined) throw new ConfigValueError(allowed)
      return word
    },
    check() {},
    normalise: (text) => text.trim(),
  }
}

/** A comma-separated list of some of `words`, each at most once; may be empty. */
export function listOf<const W extends string>(...words: readonly W[]): ConfigType<readonly W[]> {
  const allowed = `a comma-separated list of ${words.join(', ')}, each at most once`
  const word = oneOf(...words)
  return {
    kind: 'list',
    allowed,
    read(text) {
      try {
        return splitList(text).map((item) => word.read(item))
      } catch {
        throw new ConfigValueError(allowed)
      }
    },
    check(value) {
      if (new Set(value).size < value.length) throw new ConfigValueError(allowed)
    },
    normalise: (text) => splitList(text).join(','),
  }
}

/** Free text, or a list of it; `pattern` says what each may look like, `allowed` says it to people. */
export function freeText(allowed: string, pattern = /^/): ConfigType<string> {
  return {
    kind: 'string',
    allowed,
    read: (value) => value.trim(),
    check(value) {
      if (!pattern.test(value)) throw new ConfigValueError(allowed)
    },
    normalise: (value) => value.trim(),
  }
}

export function freeTexts(allowed: string, pattern = /^/, itemsMin = 0): ConfigType<readonly string[]> {
  return {
    kind: 'list',
    allowed,
    read: splitList,
    check(items) {
      const fits = items.length >= itemsMin && items.every((item) => pattern.test(item))
      if (!fits) throw new ConfigValueError(allowed)
      if (new Set(items).size < items.length) throw new ConfigValueError(`${allowed}, each once`)
    },
    normalise: (value) => splitList(value).join(','),
  }
}

/** Reads and checks in one step. */
export function parseConfigValue<T>(type: ConfigType<T>, value: string): T {
  const parsed = type.read(value)
  type.check(parsed)
  return parsed
}

function splitList(value: string): string[] {
  const items = value.split(',').map((item) => item.trim())
  return items.length === 1 && items[0] === '' ? [] : items
}
