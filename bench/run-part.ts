import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Part, PartContext } from './part.ts'
import type { PartResult } from './report.ts'
import { isFigure, type Row } from './row.ts'

/** A server's end is known a little after its connections broke, which is what fails a part. */
const END_KNOWN_AFTER_MS = 250

/** A part that fails does not take the others with it, and leaves no process and no file to them. */
export async function runPart(part: Part, context: PartContext): Promise<PartResult> {
  const began = performance.now()
  const seconds = (): number => Math.round((performance.now() - began) / 1000)
  const progress = (text: string): void => context.progress(`[${part.name} ${seconds()} s] ${text}`)
  const folder = mkdtempSync(join(context.folder, `${part.name}-`))
  const rows: Row[] = []
  try {
    for await (const row of part.run({ ...context, folder, progress })) {
      rows.push(row)
      if (!isFigure(row)) progress(`${row.errors} requests failed, so this is no figure: ${row.work}`)
    }
    return { part: part.name, seconds: seconds(), rows }
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve, END_KNOWN_AFTER_MS))
    const failure = failureText(error, context.servers.takeDeaths())
    progress(`failed: ${failure}`)
    return { part: part.name, seconds: seconds(), rows, failure }
  } finally {
    context.children.killAll()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The error, and what servers that died meanwhile said, where the error does not show that itself. */
export function failureText(error: unknown, deaths: readonly string[]): string {
  const message = error instanceof Error ? messages(error).join(': ') : String(error)
  return [message, ...deaths.filter((death) => !message.includes(death))].join('\n')
}

/** `fetch` keeps the reason in the cause. */
function messages(error: Error): string[] {
  return error.cause instanceof Error ? [error.message, ...messages(error.cause)] : [error.message]
}
