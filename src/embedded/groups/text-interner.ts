/** Small numbers for texts that repeat very often: topic names and ids. Nothing is ever forgotten. */
export class TextInterner {
  readonly #numbers = new Map<string, number>()
  readonly #texts: string[] = []

  number(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const added = this.#texts.push(text) - 1
    this.#numbers.set(text, added)
    return added
  }

  /** −1 if the text was never seen. */
  find(text: string): number {
    return this.#numbers.get(text) ?? -1
  }

  text(number: number): string {
    return this.#texts[number] ?? ''
  }
}
