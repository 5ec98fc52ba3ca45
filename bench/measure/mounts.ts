/** Where a path lies: the file system's type, and the device or share behind it. */
export interface Mount {
  readonly device: string
  readonly type: string
  readonly options: string
}

/** The mount that a path is on, from the text of /proc/self/mounts; a later mount of the same place hides an earlier. */
export function mountOf(path: string, mounts: string): Mount | undefined {
  let best: (Mount & { readonly place: string }) | undefined
  for (const line of mounts.split('\n')) {
    const [device, escaped, type, options] = line.split(' ')
    if (device === undefined || escaped === undefined || type === undefined || options === undefined) continue
    const place = escaped.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    if (holds(place, path) && place.length >= (best?.place.length ?? 0)) best = { device, type, options, place }
  }
  return best && { device: best.device, type: best.type, options: best.options }
}

function holds(place: string, path: string): boolean {
  return path === place || path.startsWith(place.endsWith('/') ? place : `${place}/`)
}
