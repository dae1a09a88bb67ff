/**
 * How a lane asks for what its worker has found by now: a number in memory that both see, since a thread that searches reads no
 * messages. It names the job, so that one which ended in the same moment does not stop the next.
 */
export class StopFlag {
  readonly buffer: SharedArrayBuffer;
  readonly #job: Int32Array;

  /** With the buffer of the other thread's flag it is the same one. */
  constructor(buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#job = new Int32Array(buffer);
  }

  /** The job is to end; jobs are counted from 1. */
  stop(job: number): void {
    Atomics.store(this.#job, 0, job);
  }

  isStopped(job: number): boolean {
    return Atomics.load(this.#job, 0) === job;
  }
}
