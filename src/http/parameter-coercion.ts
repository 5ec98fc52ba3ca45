import type { TSchema } from 'typebox'

const integer = /^-?(0|[1-9]\d{0,15})$/

type Reader = (text: string) => number | boolean | string

const readers: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ['integer', readInteger],
  ['boolean', readBoolean],
])

/**
 * Turns the text of parameters into the integers and booleans their schemas ask for, in place. What is not spelled as
 * one (`0x10`, `1e3`, ` 1`, `1.0`), and an integer that a double cannot hold, stays text, so that the schema refuses it.
 */
export function parameterCoercion(schema: TSchema): (parameters: Record<string, unknown>) => void {
  const typed: { readonly name: string; readonly read: Reader }[] = []
  for (const [name, property] of propertiesOf(schema)) {
    const read = readers.get(Reflect.get(Object(property), 'type'))
    if (read !== undefined) typed.push({ name, read })
  }
  return (parameters) => {
    for (const { name, read } of typed) {
      const text = parameters[name]
      if (typeof text === 'string') parameters[name] = read(text)
    }
  }
}

function readInteger(text: string): number | string {
  const value = integer.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(value) ? value : text
}

function readBoolean(text: string): boolean | string {
  return text === 'true' ? true : text === 'false' ? false : text
}

function propertiesOf(schema: object): [string, unknown][] {
  const properties: unknown = Reflect.get(schema, 'properties')
  return typeof properties === 'object' && properties !== null ? Object.entries(properties) : []
}
