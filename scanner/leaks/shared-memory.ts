/**
 * What all tags of a machine say of how long noise is remembered. One tag's few points leave it open whether a rise is
 * slow noise; thousands of tags show which noise the machine has, and each is judged by that.
 */
import { type GrowthEvidence, LogSum } from './growth-evidence.ts';

/** Tags that are needed to speak for the others. */
const LEAST_TAGS = 50;
/** Kept for each strength as it was before: a tag may be unlike the others. */
const OWN_SHARE = 0.3;

/** Replaces the evidence for a leak of each by the one that knows of the others; too few are left as they are. */
export function shareMemory(all: readonly GrowthEvidence[]): void {
  if (all.length < LEAST_TAGS) return;
  const strengths = all[0].leakByMemory.length;
  const shares = new Float64Array(strengths);
  for (const { leakByMemory, innocentByMemory } of all) {
    const total = sumOf([...leakByMemory, ...innocentByMemory]);
    for (let at = 0; at < strengths; at++)
      shares[at] += Math.exp(sumOf([leakByMemory[at], innocentByMemory[at]]) - total) / all.length;
  }
  const priors = Array.from(shares, share => Math.log((1 - OWN_SHARE) * share + OWN_SHARE / strengths));
  for (const evidence of all) {
    const weighed = (logarithms: readonly number[]) => sumOf(logarithms.map((one, at) => one + priors[at]));
    evidence.leak = weighed(evidence.leakByMemory) - weighed(evidence.innocentByMemory);
  }
}

function sumOf(logarithms: readonly number[]): number {
  const sum = new LogSum();
  for (const logarithm of logarithms) sum.add(logarithm);
  return sum.value;
}
