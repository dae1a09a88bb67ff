/** AnswerCache: answers that were made for the catalogue as it is now, by the address that asked. */
import type { PreparedAnswer } from './prepared-answer.ts';

/** About as many tags as lists and drivers know; readers ask for a few hundred of them. */
const MAX_ENTRIES = 10_000;
/** The answer to one tag takes 10 KB, a list of a hundred hits 150 KB; this bounds them all together. */
const MAX_BYTES = 96 * 1024 * 1024;
/** Larger answers are rare and would push out many small ones. */
const MAX_ANSWER_BYTES = 1024 * 1024;

interface Generation {
  answers: Map<string, PreparedAnswer>;
  bytes: number;
}

/**
 * Keeps the answers that were used last; all of them go when the version changes. In two generations: what is used
 * moves into the young one, and when that is full the old one goes. Moving an answer to the end of one map at every use
 * would do the same, but made V8 rebuild a large map so often that kept answers came at 40 % of the speed.
 */
export class AnswerCache {
  #young: Generation = emptyGeneration();
  #old: Generation = emptyGeneration();
  #version = -1;

  /** How many answers are kept; one that moved is counted in both generations. */
  get size(): number {
    return this.#young.answers.size + this.#old.answers.size;
  }

  get(key: string, version: number): PreparedAnswer | undefined {
    if (version !== this.#version) return undefined;
    const answer = this.#young.answers.get(key);
    if (answer !== undefined) return answer;
    const older = this.#old.answers.get(key);
    if (older !== undefined) this.#put(key, older);
    return older;
  }

  /** Keeps an answer that was made for this version of the catalogue. */
  set(key: string, version: number, answer: PreparedAnswer): void {
    if (version < this.#version || answer.sizeBytes > MAX_ANSWER_BYTES) return;
    if (version > this.#version) {
      this.#young = emptyGeneration();
      this.#old = emptyGeneration();
      this.#version = version;
    }
    this.#put(key, answer);
  }

  #put(key: string, answer: PreparedAnswer): void {
    const { answers } = this.#young;
    this.#young.bytes += answer.sizeBytes - (answers.get(key)?.sizeBytes ?? 0);
    answers.set(key, answer);
    if (answers.size < MAX_ENTRIES / 2 && this.#young.bytes < MAX_BYTES / 2) return;
    this.#old = this.#young;
    this.#young = emptyGeneration();
  }
}

function emptyGeneration(): Generation {
  return { answers: new Map(), bytes: 0 };
}
