/**
 * A limit on the processor's time, as near as one thread can tell it of another. Other programs may keep the processor:
 * a file that is given up by the clock alone is honest more often than not where a machine is busy, and a machine that
 * runs out of pool is.
 */

/** However busy the machine is, the limit ends at so many times its length by the clock. */
const LONGEST = 10;

/** Limits that are running now: what this process uses is shared among the threads that they watch. */
let running = 0;

/** Calls `onLimit` when a thread has worked for `limitMs`, or may have. */
export class WorkTimer {
  readonly #limitMs: number;
  readonly #onLimit: () => void;
  readonly #startedMs = performance.now();
  #usedMs = 0;
  #lastUsage = process.cpuUsage();
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, onLimit: () => void) {
    this.#limitMs = limitMs;
    this.#onLimit = onLimit;
    running++;
    this.#wait(limitMs);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    running--;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(ms)));
  }

  #look(): void {
    const usage = process.cpuUsage();
    const usedMs = (usage.user - this.#lastUsage.user + usage.system - this.#lastUsage.system) / 1000;
    this.#lastUsage = usage;
    this.#usedMs += usedMs / running;
    const leftMs = this.#limitMs - this.#usedMs;
    const clockMs = this.#limitMs * LONGEST - (performance.now() - this.#startedMs);
    if (leftMs > 0 && clockMs > 0) return this.#wait(Math.min(leftMs, clockMs));
    this.stop();
    this.#onLimit();
  }
}
