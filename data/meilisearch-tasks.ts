/** Waits for what a Meilisearch server has queued: a task that fails there throws here. */
import { setTimeout as pause } from 'node:timers/promises';

/** What is read of a task. */
export interface TaskState {
  status: string;
  error?: { message: string; code: string } | null;
}

/** Pauses between two looks grow from the first to the last, in milliseconds: small changes take a few, bulk minutes. */
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 2_000;
const PAUSE_GROWTH = 1.5;

/** A task that the server gave up, with its code for programs (`index_already_exists`). */
export class TaskFailed extends Error {
  override name = 'TaskFailed';
  readonly taskCode: string;

  constructor(message: string, taskCode: string) {
    super(message);
    this.taskCode = taskCode;
  }
}

/**
 * Resolves when the task has succeeded. The client's own `waitTask` is not used: with its `timeout` option it leaves
 * one abort listener behind for every look.
 */
export async function taskDone(look: () => Promise<TaskState>, signal: AbortSignal): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LAST_PAUSE_MS)) {
    const { status, error } = await look();
    if (status === 'succeeded') return;
    if (status === 'failed' || status === 'canceled') {
      throw new TaskFailed(error?.message ?? `The task was ${status}.`, error?.code ?? status);
    }
    await pause(pauseMs, undefined, { signal });
  }
}
