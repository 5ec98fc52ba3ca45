/**
 * Whether an `Accept` header (RFC 9110, 12.5.1) takes a media type: the most specific range that matches decides, and
 * `q=0` refuses.
 */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined || header === '*/*' || header === mediaType) return true
  const family = `${mediaType.slice(0, mediaType.indexOf('/'))}/*`
  let best = -1
  let taken = false
  for (const range of header.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim())
    const rank = type === mediaType ? 2 : type === family ? 1 : type === '*/*' ? 0 : -1
    if (rank < 0 || rank < best) continue
    best = rank
    taken = !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  }
  return taken
}
