import { importsOf, resolveImport, type SourceFile } from './source-files.ts'

/**
 * The groups of files that import each other, directly or by way of others, types included: each group once, its files
 * in order. By Tarjan's strongly connected components (SIAM J. Comput. 1, 1972).
 */
export function importCircles(files: readonly SourceFile[]): string[][] {
  const paths = new Set(files.map(({ path }) => path))
  const imports = new Map(
    files.map(({ path, text }) => {
      const targets = importsOf(text).flatMap((specifier) => resolveImport(path, specifier) ?? [])
      return [path, new Set(targets.filter((target) => paths.has(target)))]
    }),
  )
  return connectedGroups(imports).filter(([first, second]) => {
    return second !== undefined || (first !== undefined && imports.get(first)?.has(first) === true)
  })
}

/** Every node in one group: with those that it leads to and that lead back to it. */
function connectedGroups(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const groups: string[][] = []
  /** When a node was first met. */
  const order = new Map<string, number>()
  /** Met, and not in a group yet. */
  const open: string[] = []
  const isOpen = new Set<string>()

  /** Returns the earliest open node that it leads to. */
  const visit = (node: string): number => {
    const own = order.size
    order.set(node, own)
    open.push(node)
    isOpen.add(node)
    let earliest = own
    for (const next of edges.get(node) ?? []) {
      const reached = order.get(next)
      if (reached === undefined) earliest = Math.min(earliest, visit(next))
      else if (isOpen.has(next)) earliest = Math.min(earliest, reached)
    }
    if (earliest === own) {
      const group = open.splice(open.indexOf(node))
      for (const member of group) isOpen.delete(member)
      groups.push(group.toSorted())
    }
    return earliest
  }

  for (const node of edges.keys()) if (!order.has(node)) visit(node)
  return groups
}
