/** What the crash lanes found wrong, and how much they looked at. */
export class Findings {
  /** In sentences; empty where a user has nothing to complain about. */
  readonly violations: string[] = []
  /** Records that were acknowledged from stable storage or read, and are gone. */
  lost = 0
  /** Records that `acks=1` acknowledged and a power cut took: that is what is said of `acks=1`. */
  lostAtAcksOne = 0
  /** Committed offsets that stood lower than they had been. */
  movedBack = 0
  recordsChecked = 0

  violation(text: string): void {
    this.violations.push(text)
  }
}
