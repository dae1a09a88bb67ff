/**
 * Starts to measure; the answer tells the milliseconds since then, by the clock or by the processor's time of this process, whichever is
 * less: test files run beside others, and a busy machine says nothing of the code.
 */
export function stopwatch(): () => number {
  const startedMs = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return Math.min(performance.now() - startedMs, (user + system) / 1000);
  };
}
