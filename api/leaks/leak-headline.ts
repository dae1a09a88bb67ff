/** The first line of the answer: what leaks, how fast, and who owns it; or that nothing does, or cannot be told. */

import { bytesInWords, count, counted, hoursInWords } from '../../data/quantity-words.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import { plainText } from '../answer-summary.ts';
import type { SuspectView } from './leak-answer.ts';
import { isCompared, type LeakFacts, leadingSuspect } from './leak-facts.ts';
import { growthInWords, poolTitle, processName, rateInWords, sizeInWords, tagName } from './leak-words.ts';

/** The sentence or two that people read first. */
export function headlineOf(facts: LeakFacts): string {
  const { report, suspects, hidden } = facts;
  if (report.snapshots.length === 0) return 'No snapshot was recognised in what was given.';
  if (report.tags.length === 0) return withoutTags(facts);
  const lead = leadingSuspect(facts);
  if (!isCompared(report)) return lead === undefined ? nothingHeld(facts) : ofOneSnapshot(lead);
  if (lead?.verdict === 'leaking') {
    const leaking = report.tags.filter(({ verdict }) => verdict === 'leaking').length - hidden.length;
    return ofLeak(lead, leaking);
  }
  if (lead !== undefined) return ofSuspicion(lead, suspects.length);
  return nothingLeaks(facts);
}

function ofLeak(lead: SuspectView, leaking: number): string {
  const rate = rateInWords(lead);
  const growth = growthInWords(lead);
  const how = rate ?? (growth === undefined ? undefined : `${growth} from the first to the last snapshot`);
  const fast = how === undefined ? '' : `, ${how}`;
  const pool = poolTitle(lead.pool).toLowerCase();
  if (leaking > 1) {
    return `${count(leaking)} tags are leaking, first of all ${tagName(lead.tag)} in ${pool}${fast}. ${ownerOf(lead)}`;
  }
  return `${tagName(lead.tag)} is leaking ${pool}${fast}. ${ownerOf(lead)}`;
}

function ofSuspicion(lead: SuspectView, suspects: number): string {
  const what = `${tagName(lead.tag)} in ${poolTitle(lead.pool).toLowerCase()}${suspicionInBrackets(lead)}`;
  const others = suspects === 1 ? 'is' : `and ${counted(suspects - 1, 'more tag')} are`;
  return `No leak is certain, but ${what} ${others} suspicious. ${ownerOf(lead)}`;
}

/** What grew, or where only one snapshot shows the tag, how much it holds. */
function suspicionInBrackets(lead: SuspectView): string {
  const growth = lead.snapshots > 1 ? growthInWords(lead) : undefined;
  if (growth !== undefined && !/^(-|0 )/.test(growth)) return ` (it grew by ${growth})`;
  const size = sizeInWords(lead);
  return size === undefined ? '' : ` (it holds ${size})`;
}

function ofOneSnapshot(lead: SuspectView): string {
  const size = sizeInWords(lead);
  const held = size === undefined ? 'is in' : `holds ${size} of`;
  const pool = poolTitle(lead.pool).toLowerCase();
  if (lead.verdict === 'suspicious') {
    return `${tagName(lead.tag)} ${held} ${pool} and is suspicious. ${ownerOf(lead)}`;
  }
  return `${tagName(lead.tag)} ${held} ${pool}, the most of all tags. ${ownerOf(lead)}`;
}

function nothingLeaks({ report: { tags, compared, spanHours }, hidden }: LeakFacts): string {
  if (hidden.length > 0) return 'No tag that the filters let through is leaking.';
  const time = spanHours === undefined || spanHours === 0 ? '' : ` over ${hoursInWords(spanHours)}`;
  if (compared === 2) return `No tag grew suspiciously between two snapshots${time}.`;
  const rows = counted(tags.length, 'row');
  return `No tag is leaking: none of ${rows} keeps growing in ${counted(compared, 'snapshot')}${time}.`;
}

function nothingHeld({ report }: LeakFacts): string {
  const { tags } = report;
  return tags.some(({ last }) => (last.bytes ?? last.diff ?? 0) > 0)
    ? 'The filters let no tag through.'
    : 'No tag holds pool in what was read.';
}

/** Of what names no tag: `!vm`, processes, Driver Verifier, single blocks. */
function withoutTags({ report, handles }: LeakFacts): string {
  const { blocks, verifier, processes, memory } = report;
  const left = verifier.find(({ isUnloaded, nonpagedBytes = 0, pagedBytes = 0 }) => {
    return isUnloaded && nonpagedBytes + pagedBytes > 0;
  });
  if (left !== undefined) return `${plainText(left.driver)} was unloaded and left pool memory behind.`;
  if (handles !== null) {
    const [process] = handles.processes;
    return `${processName(process)} has ${counted(process.handles, 'handle')}, far more than other processes.`;
  }
  const [block] = [...blocks].sort((a, b) => b.bytes - a.bytes);
  if (block !== undefined) {
    const size = bytesInWords(block.bytes);
    return `Of the blocks that are listed most are of ${tagName(block.tag)}: ${counted(block.count, 'block')} with ${size}.`;
  }
  const [most] = [...verifier].sort((a, b) => verifiedBytes(b) - verifiedBytes(a));
  if (most !== undefined && verifiedBytes(most) > 0) {
    return `Of the drivers that are verified ${plainText(most.driver)} holds most pool memory: ${bytesInWords(verifiedBytes(most))}.`;
  }
  const pools = (['nonpaged', 'paged'] as Pool[]).flatMap(pool => {
    const bytes = pool === 'nonpaged' ? memory.nonpagedBytes : memory.pagedBytes;
    return bytes === undefined ? [] : [`${poolTitle(pool).toLowerCase()} holds ${bytesInWords(bytes)}`];
  });
  if (pools.length > 0) {
    const text = pools.join(' and ');
    return `${text[0].toUpperCase()}${text.slice(1)}; nothing of what was read tells by tags.`;
  }
  if (processes.length > 0) return 'No process stands out by its handles, and nothing tells of tags.';
  return 'Nothing of what was read tells how much pool any tag holds.';
}

function verifiedBytes({
  nonpagedBytes = 0,
  pagedBytes = 0,
}: {
  nonpagedBytes?: number;
  pagedBytes?: number;
}) {
  return nonpagedBytes + pagedBytes;
}

function ownerOf({ summary }: SuspectView): string {
  return summary ?? 'No list names this tag, and no scanned driver uses it.';
}
