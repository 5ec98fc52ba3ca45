import type { TInteger } from 'typebox'
import { Type } from './type.ts'

/** The largest integer that a double holds exactly: offsets, timestamps and sizes stay below. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER
export const MAX_INT32 = 2_147_483_647

/** Keyword of a schema: the setting of the server that its maximum comes from. */
export const SETTING = 'x-setting'

export const offset = (description: string): TInteger =>
  Type.Integer({ format: 'int64', minimum: 0, maximum: MAX_INTEGER, description })

/** An offset, size or watermark that is −1 where it is not known. */
export const offsetOrUnknown = (description: string): TInteger =>
  Type.Integer({ format: 'int64', minimum: -1, maximum: MAX_INTEGER, description })

export const timestamp = (description: string): TInteger =>
  Type.Integer({ format: 'int64', minimum: -1, maximum: MAX_INTEGER, description: `${description} Unix milliseconds.` })

export const count = (description: string): TInteger =>
  Type.Integer({ format: 'int32', minimum: 0, maximum: MAX_INT32, description })

export const partitionNumber = (description = 'The partition’s number, from 0.'): TInteger =>
  Type.Integer({ format: 'int32', minimum: 0, maximum: MAX_INT32, description, examples: [3] })
