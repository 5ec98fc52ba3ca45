import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '../tidy/source-files.ts'

const run = promisify(execFile)

/** Why Kafka's tools cannot run here; undefined where they can. */
export async function missingForKafkaTools(): Promise<string | undefined> {
  for (const [program, flag] of [
    ['javac', '-version'],
    ['mvn', '-version'],
  ] as const) {
    try {
      await run(program, [flag])
    } catch {
      return `${program} is not installed: Kafka's tools need Java 17 (a JDK) and Maven`
    }
  }
  return undefined
}

/** The jars, resolved once per version of the pom and kept under `.cache/`. */
async function jarFolder(): Promise<string> {
  const pom = join(repositoryRoot, 'test/lanes/kafka/pom.xml')
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 16)
  const folder = join(repositoryRoot, '.cache', `kafka-${version}`)
  if (existsSync(folder)) return folder
  const unfinished = `${folder}.part`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  await run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`])
  renameSync(unfinished, folder)
  return folder
}

export async function kafkaClassPath(): Promise<string> {
  return `${await jarFolder()}/*`
}

/** For what runs a few seconds: compiling well and collecting side by side would be most of its work. */
export const SHORT_LIVED_JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

/** Of the classes that a node loads: with it a node starts with two thirds of the work, and a tool with three quarters. */
export async function classArchive(): Promise<string> {
  return `${await jarFolder()}.jsa`
}

/** Uses the archive where there is one that fits; `-Xlog:disable` keeps quiet where it does not fit. */
export async function withClassArchive(): Promise<readonly string[]> {
  const archive = await classArchive()
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xlog:disable'] : []
}

/** Runs a class of Kafka's, or a source file of ours that uses them, on this input, and returns what it printed. */
export async function kafkaTool(main: string, parameters: readonly string[], input?: string): Promise<string> {
  const flags = [...SHORT_LIVED_JAVA, ...(await withClassArchive()), '-cp', await kafkaClassPath()]
  const running = run('java', [...flags, main, ...parameters], { maxBuffer: 1024 * 1024 * 1024 })
  if (input !== undefined) running.child.stdin?.end(input)
  const { stdout } = await running
  return stdout
}

/** Runs `kafka-dump-log` and returns what it printed. */
export async function dumpLog(parameters: readonly string[]): Promise<string> {
  return kafkaTool('org.apache.kafka.tools.DumpLogSegments', parameters)
}
