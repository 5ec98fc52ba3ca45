import { DirectoryLock } from '../../../src/embedded/directory/directory-lock.ts'

// Holds the lock of the directory given until it is killed.
const lock = DirectoryLock.acquire(process.argv[2] ?? '')
process.stdout.write('locked\n')
setInterval(() => lock, 60_000)
