import * as fs from 'node:fs'

/** Which process holds a lock on a file, as Linux tells it; undefined elsewhere, or where nobody does. */
export function lockHolder(file: string): { readonly pid: number; readonly command: string } | undefined {
  try {
    const { ino } = fs.statSync(file)
    for (const line of fs.readFileSync('/proc/locks', 'latin1').split('\n')) {
      const [, pid, inode] = /^\d+: POSIX +\S+ +WRITE +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line) ?? []
      if (pid !== undefined && Number(inode) === ino) return { pid: Number(pid), command: commandOf(Number(pid)) }
    }
  } catch {
    // Not told here.
  }
  return undefined
}

function commandOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim().slice(0, 200)
  } catch {
    return ''
  }
}
