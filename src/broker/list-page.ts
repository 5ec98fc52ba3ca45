import type { CursorCodec } from './cursor.ts'
import type { ErrorCode } from './error-catalogue.ts'

export interface ListRequest {
  /** 1 to 1,000. */
  readonly limit: number
  readonly cursor?: string
}

export interface ListPage<T> {
  readonly items: readonly T[]
  /** null on the last page. */
  readonly nextCursor: string | null
}

/** What a list leaves out, and why. */
export interface ListWarning {
  readonly code: ErrorCode
  readonly detail: string
}

/**
 * A page of a sorted list. The cursor holds the last key given, so what is added or removed meanwhile neither repeats
 * nor hides other items.
 *
 * @param list the list's name, so that one list's cursor is refused by another
 * @param keyOf a key in the list's order, compared by code units
 */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  list: string,
  request: ListRequest,
  cursors: CursorCodec,
): ListPage<T> {
  const after = request.cursor === undefined ? undefined : cursors.decodeList(request.cursor, list)
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after)
  const page = rest.slice(0, request.limit)
  const last = page.at(-1)
  const nextCursor = last !== undefined && rest.length > page.length ? cursors.encodeList(list, keyOf(last)) : null
  return { items: page, nextCursor }
}

/** A key for `pageOf` that sorts as the number does. */
export function partitionKey(partition: number): string {
  return String(partition).padStart(10, '0')
}
