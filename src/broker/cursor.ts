import { CursorReader, CursorWriter } from './cursor-bytes.ts'
import { CursorTrail, type TrailPlace } from './cursor-trail.ts'

/**
 * Positions of a read, as an opaque text that the client carries.
 *
 * ```
 * version u8 | kind u8 | engine u8 | cluster id | body … | CRC-32 of all before, u32 big-endian     → base64url
 * read body: topic id (16 bytes) | group | flags u8 | until | turn | count | count × (partition delta, offset)
 * list body: list name | the last name given
 * member body: see member-cursor.ts
 * ```
 * Numbers are unsigned LEB128; texts are their length and their UTF-8. A partition's delta is to the one before it (the
 * first: to 0), so that 256 partitions with the largest offsets fit in 4,096 characters.
 */
export interface ReadCursor {
  /** `group`: of a fetch for a consumer group; of no use to another group. */
  readonly kind: 'browse' | 'group'
  /** 22 characters of base64url. */
  readonly topicId: string
  /** The group's id; empty in a browse. */
  readonly group: string
  /** True if the read covers all partitions of the topic, also those added later. */
  readonly allPartitions: boolean
  /** Unix milliseconds; undefined = no end. */
  readonly until?: number
  /** The partition whose turn it is to be read first. */
  readonly turn: number
  /** In ascending order of partitions; the next offset of each. */
  readonly positions: readonly { readonly partition: number; readonly offset: number }[]
}

/** Partitions that one read may cover: as many as a cursor can hold. */
export const MAX_CURSOR_PARTITIONS = 256

const VERSION = 1
const noBytes = Buffer.alloc(0)
const kinds = ['browse', 'group', 'list', 'member'] as const
const engines = ['embedded', 'kafka'] as const
export type CursorKind = (typeof kinds)[number]

const ALL_PARTITIONS = 1
const HAS_UNTIL = 2

/** Which server's cursors these are: those of another cluster or engine are refused. */
export interface CursorIdentity {
  readonly engine: 'embedded' | 'kafka'
  readonly clusterId: string
}

export class CursorCodec {
  readonly #identity: CursorIdentity

  constructor(identity: CursorIdentity) {
    this.#identity = identity
  }

  encodeRead(cursor: ReadCursor): string {
    const out = this.#readHead(cursor)
    out.number(cursor.positions.length)
    let before = 0
    for (const { partition, offset } of cursor.positions) {
      out.number(partition - before)
      out.number(offset)
      before = partition
    }
    return out.seal()
  }

  /** Cursors from this one on, as its positions move one by one. */
  trail(cursor: ReadCursor): CursorTrail {
    let out = this.#readHead(cursor)
    out.number(cursor.positions.length)
    let last = 0
    const places = cursor.positions.map(({ partition, offset }): TrailPlace => {
      out.number(partition - last)
      last = partition
      const before = out.bytes()
      out = new CursorWriter()
      return { before, offset }
    })
    return new CursorTrail(places, noBytes)
  }

  #readHead(cursor: ReadCursor): CursorWriter {
    const out = this.begin(cursor.kind)
    out.raw(Buffer.from(cursor.topicId, 'base64url'))
    out.text(cursor.group)
    out.number((cursor.allPartitions ? ALL_PARTITIONS : 0) | (cursor.until === undefined ? 0 : HAS_UNTIL))
    if (cursor.until !== undefined) out.number(cursor.until)
    out.number(cursor.turn)
    return out
  }

  /**
   * Rejects with INVALID_CURSOR what is damaged, foreign or of another kind.
   *
   * @param pointer where the request has the cursor
   */
  decodeRead(text: string, kind: ReadCursor['kind'], pointer = '?cursor'): ReadCursor {
    const from = this.open(text, kind, pointer)
    const topicId = from.raw(16).toString('base64url')
    const group = from.text()
    const flags = from.number()
    const until = (flags & HAS_UNTIL) === 0 ? undefined : from.number()
    const turn = from.number()
    const positions = decodePositions(from)
    from.end()
    const allPartitions = (flags & ALL_PARTITIONS) !== 0
    return { kind, topicId, group, allPartitions, turn, positions, ...(until === undefined ? {} : { until }) }
  }

  /** @param after the last name of the page that ends here */
  encodeList(list: string, after: string): string {
    const out = this.begin('list')
    out.text(list)
    out.text(after)
    return out.seal()
  }

  decodeList(text: string, list: string): string {
    const from = this.open(text, 'list')
    if (from.text() !== list) throw from.invalid('it belongs to another list')
    const after = from.text()
    from.end()
    return after
  }

  /** What kind of request made a cursor; undefined where it cannot be told. */
  kindOf(text: string, pointer = '?cursor'): CursorKind | undefined {
    const from = new CursorReader(text, pointer)
    return from.number() === VERSION ? kinds[from.number()] : undefined
  }

  /** For a body that is written elsewhere. */
  begin(kind: CursorKind): CursorWriter {
    const out = new CursorWriter()
    out.number(VERSION)
    out.number(kinds.indexOf(kind))
    out.number(engines.indexOf(this.#identity.engine))
    out.text(this.#identity.clusterId)
    return out
  }

  /** The body of a cursor of this kind; rejects with INVALID_CURSOR what is damaged, foreign or of another kind. */
  open(text: string, kind: CursorKind, pointer = '?cursor'): CursorReader {
    const from = new CursorReader(text, pointer)
    if (from.number() !== VERSION) throw from.invalid('it was made by another version of the server')
    if (from.number() !== kinds.indexOf(kind)) throw from.invalid('it was made by another kind of request')
    if (from.number() !== engines.indexOf(this.#identity.engine) || from.text() !== this.#identity.clusterId) {
      throw from.invalid('it was made by another cluster')
    }
    return from
  }
}

function decodePositions(from: CursorReader): { partition: number; offset: number }[] {
  const count = from.number()
  if (count > MAX_CURSOR_PARTITIONS) throw from.invalid('it is damaged')
  const positions: { partition: number; offset: number }[] = []
  let partition = 0
  for (let index = 0; index < count; index += 1) {
    partition += from.number()
    positions.push({ partition, offset: from.number() })
  }
  return positions
}
