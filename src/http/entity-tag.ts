/** Whether an `If-None-Match` header (RFC 9110, 13.1.2) names the tag. */
export function noneMatches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((given) => given.trim().replace(/^W\//, '') === tag)
}
