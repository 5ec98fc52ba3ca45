import type { Member } from './group-state.ts'

/** The name that most members ask for; of equals, and where nobody asks, the one that stands first. */
export function preferredAssignor(members: Iterable<Member>, names: readonly string[]): string {
  const votes = new Map<string, number>()
  for (const { metadata } of members) {
    if (metadata.assignor !== null) votes.set(metadata.assignor, (votes.get(metadata.assignor) ?? 0) + 1)
  }
  let preferred = names[0]!
  for (const name of names) if ((votes.get(name) ?? 0) > (votes.get(preferred) ?? 0)) preferred = name
  return preferred
}
