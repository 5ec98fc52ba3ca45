import * as fs from 'node:fs'

/*
 * Loaded with --import before the program: the wall clock is off by as many milliseconds as the file CLOCK_SHIFT_FILE
 * says, from the moment on that it says so. The monotonic clock goes on as it does.
 */
const LOOK_MS = 20
const file = process.env['CLOCK_SHIFT_FILE']
const wallClock = Date.now.bind(Date)
let shiftMs = 0

function look(): void {
  try {
    if (file !== undefined) shiftMs = Number(fs.readFileSync(file, 'utf8'))
  } catch {
    // It is being written.
  }
}

look()
setInterval(look, LOOK_MS).unref()
Date.now = () => wallClock() + shiftMs
