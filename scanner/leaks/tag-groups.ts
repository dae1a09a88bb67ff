/** Tags that rise together, as the objects of one leak do, and which of them most likely stands behind the others. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type { TagGroup } from './leak-report.ts';
import { median } from './select-rank.ts';
import type { TagStudy } from './study-tag.ts';

/** Only the most suspicious tags are compared with each other: their pairs grow with the square. */
const MOST_TAGS = 150;
const MOST_MEMBERS = 20;
/** Fewer changes than this are alike by chance too often. */
const LEAST_CHANGES = 8;
/** Half of what moves one tag (0.71 squared) moves the other too. */
const ALIKE = 0.71;
/** Tags that are known to grow along need less. */
const ALIKE_COMPANIONS = 0.3;
/** Counts of allocations within a twentieth of each other are one to one. */
const ONE_TO_ONE = 0.05;
const LEAST_COUNT = 8;

interface Riser {
  study: TagStudy;
  /** Changes from point to point without the usual one, so that a trend alone is no likeness; by place of the point. */
  changes: Map<number, number>;
  /** The values themselves. */
  levels: Map<number, number>;
  /** Allocations in use that it has gained. */
  gained: number | undefined;
}

/**
 * Groups among `studies`, which rise and stand in the order of suspicion. `companions` are tags that are known to grow
 * along with a tag, the likeliest to stand behind it first.
 */
export function groupTags(
  studies: readonly TagStudy[],
  companions: ReadonlyMap<PoolTag, readonly PoolTag[]>,
): TagGroup[] {
  const left = studies.slice(0, MOST_TAGS).map(riserOf);
  const groups: TagGroup[] = [];
  while (left.length > 1) {
    const seed = left.shift()!;
    const members = [seed];
    const likenesses: number[] = [];
    for (let i = 0; i < left.length && members.length < MOST_MEMBERS; ) {
      const other = left[i];
      const likeness = correlation(seed.changes, other.changes);
      const known = areCompanions(seed, other, companions);
      const isAlike = likeness !== undefined && likeness >= (known ? ALIKE_COMPANIONS : ALIKE);
      if (!isAlike && !(known && riseTogether(seed, other))) {
        i++;
        continue;
      }
      left.splice(i, 1);
      members.push(other);
      if (isAlike) likenesses.push(likeness);
    }
    if (members.length > 1) groups.push(groupOf(members, likenesses, companions));
  }
  return groups;
}

function riserOf(study: TagStudy): Riser {
  const changes = new Map<number, number>();
  const levels = new Map<number, number>();
  const { calm, points } = study;
  calm?.forEach((value, i) => {
    if (points !== undefined) levels.set(points.snapshots[i], value);
  });
  if (calm !== undefined && points !== undefined && calm.length > LEAST_CHANGES) {
    const steps = Float64Array.from(calm.subarray(1), (value, i) => value - calm[i]);
    const usual = median(steps);
    steps.forEach((step, i) => {
      changes.set(points.snapshots[i + 1], step - usual);
    });
  }
  const { first, last } = study;
  const gained = first.diff === undefined || last.diff === undefined ? undefined : last.diff - first.diff;
  return { study, changes, levels, gained };
}

/** Pearson's, over the points that both have; undefined where those are too few or one does not vary. */
function correlation(a: Map<number, number>, b: Map<number, number>): number | undefined {
  const shared = [...a.keys()].filter(at => b.has(at));
  const meanOf = (values: Map<number, number>) =>
    shared.reduce((sum, at) => sum + values.get(at)!, 0) / shared.length;
  const meanA = meanOf(a);
  const meanB = meanOf(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (const at of shared) {
    const one = a.get(at)! - meanA;
    const other = b.get(at)! - meanB;
    ab += one * other;
    aa += one * one;
    bb += other * other;
  }
  if (shared.length < LEAST_CHANGES || aa === 0 || bb === 0) return undefined;
  return ab / Math.sqrt(aa * bb);
}

function areCompanions(a: Riser, b: Riser, companions: ReadonlyMap<PoolTag, readonly PoolTag[]>): boolean {
  const one = a.study.known.tag;
  const other = b.study.known.tag;
  return (companions.get(one)?.includes(other) || companions.get(other)?.includes(one)) ?? false;
}

/** Each has noise of its own, but over the whole time they rise alike, or too little is known to tell. */
function riseTogether(a: Riser, b: Riser): boolean {
  const likeness = correlation(a.levels, b.levels);
  return likeness === undefined || likeness >= ALIKE || areOneToOne(a, b);
}

function areOneToOne(a: Riser, b: Riser): boolean {
  if (a.gained === undefined || b.gained === undefined) return false;
  const most = Math.max(a.gained, b.gained);
  return Math.min(a.gained, b.gained) >= LEAST_COUNT && Math.abs(a.gained - b.gained) <= ONE_TO_ONE * most;
}

function groupOf(
  members: Riser[],
  likenesses: number[],
  companions: ReadonlyMap<PoolTag, readonly PoolTag[]>,
): TagGroup {
  const votes = members.map(member => votesFor(member, members, companions));
  const followers = members.map(
    member => members.filter(other => other !== member && areOneToOne(member, other)).length,
  );
  let head = 0;
  members.forEach((_, i) => {
    if (votes[i] > votes[head] || (votes[i] === votes[head] && followers[i] > followers[head])) head = i;
  });
  const names = members.map(({ study }) => ({ tag: study.known.tag, pool: study.known.pool }));
  const reasons: string[] = [];
  if (likenesses.length > 0)
    reasons.push(
      `Their changes from snapshot to snapshot go along with each other (correlation ${Math.min(...likenesses).toFixed(2)} and more).`,
    );
  if (votes[head] > 0) reasons.push('They are known to grow together.');
  if (followers[head] > 0)
    reasons.push(
      `The first one and ${followers[head] === 1 ? 'another' : `${followers[head]} others`} gained the same number of allocations.`,
    );
  return { head: names[head], members: names, reason: reasons.join(' ') };
}

/** What the others' companions say for it: the first one named counts most. */
function votesFor(
  member: Riser,
  members: Riser[],
  companions: ReadonlyMap<PoolTag, readonly PoolTag[]>,
): number {
  const { tag } = member.study.known;
  let votes = 0;
  for (const other of members) {
    const named = companions.get(other.study.known.tag)?.filter(name => name !== other.study.known.tag);
    const place = named?.indexOf(tag) ?? -1;
    if (other !== member && place >= 0) votes += 1 / (1 + place);
  }
  return votes;
}
