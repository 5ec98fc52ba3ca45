import { offset } from './integers.ts'
import { Type } from './type.ts'

const upToDate = Type.Boolean({ description: 'Whether all was read to its end.', examples: [true] })

/** Of a page of one partition that has no place for them in its body. */
export const positionHeaders = {
  'Next-Offset': { ...offset('The `offset` of the next page.'), examples: [18] },
  'Up-To-Date': upToDate,
}

/** The same of a page of several partitions. */
export const cursorHeaders = {
  'Next-Cursor': Type.String({ description: 'The `cursor` of the next page.', examples: ['AQAAFnQ1'] }),
  'Up-To-Date': upToDate,
}
