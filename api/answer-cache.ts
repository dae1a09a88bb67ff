/** AnswerCache: answers that were made for the catalogue as it is now, by the address that asked. */
import type { PreparedAnswer } from './prepared-answer.ts';

/** About as many tags as lists and drivers know; readers ask for a few hundred of them. */
const MAX_ENTRIES = 10_000;
/** The answer to one tag takes 10 KB, a list of a hundred hits 150 KB; this bounds them all together. */
const MAX_BYTES = 96 * 1024 * 1024;
/** Larger answers are rare and would push out many small ones. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Keeps the answers that were used last. All of them go when the version changes. */
export class AnswerCache {
  readonly #answers = new Map<string, PreparedAnswer>();
  #bytes = 0;
  #version = -1;

  get size(): number {
    return this.#answers.size;
  }

  get(key: string, version: number): PreparedAnswer | undefined {
    if (version !== this.#version) return undefined;
    const answer = this.#answers.get(key);
    if (answer !== undefined) {
      this.#answers.delete(key);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  /** Keeps an answer that was made for this version of the catalogue. */
  set(key: string, version: number, answer: PreparedAnswer): void {
    if (version < this.#version || answer.sizeBytes > MAX_ANSWER_BYTES) return;
    if (version > this.#version) {
      this.#answers.clear();
      this.#bytes = 0;
      this.#version = version;
    }
    this.#remove(key);
    this.#answers.set(key, answer);
    this.#bytes += answer.sizeBytes;
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MAX_ENTRIES && this.#bytes <= MAX_BYTES) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.delete(key);
    this.#bytes -= answer.sizeBytes;
  }
}
