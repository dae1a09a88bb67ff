/** What to do next, with commands that can be pasted as they are. */

import { counted } from '../../data/quantity-words.ts';
import type { NextStep, SuspectView } from './leak-answer.ts';
import { isCompared, type LeakFacts, leadingSuspect } from './leak-facts.ts';
import { isTypedTag, processName, tagName } from './leak-words.ts';

/** More is not done by anybody in a hurry. */
const MAX_STEPS = 12;
/** Of the advice on the first suspect; the suspect itself has all of it. */
const MAX_ADVICE_STEPS = 4;
/** From so many snapshots on, more of them are not what is missing. */
const ENOUGH_SNAPSHOTS = 6;

/** The steps, the most promising first. */
export function nextSteps(facts: LeakFacts): NextStep[] {
  const lead = leadingSuspect(facts);
  const steps = [
    ...handleSteps(facts),
    ...(lead === undefined ? [] : suspectSteps(lead, facts)),
    ...snapshotSteps(facts),
    ...blockSteps(facts),
  ];
  return steps.slice(0, MAX_STEPS);
}

function handleSteps({ handles }: LeakFacts): NextStep[] {
  if (handles === null) return [];
  const [process] = handles.processes;
  const name = processName(process);
  const steps: NextStep[] = [
    {
      text: `Stop or restart ${name}, which has ${counted(process.handles, 'handle')}, and watch whether the pool comes back.`,
    },
  ];
  if (process.processId !== undefined) {
    steps.push({
      text: `Count the handles of ${name} by type.`,
      command: `handle.exe -s -p ${process.processId}`,
    });
  }
  return steps;
}

function suspectSteps(lead: SuspectView, facts: LeakFacts): NextStep[] {
  const { tag, pool, advice, articles, owners } = lead;
  const isTyped = isTypedTag(tag);
  const steps: NextStep[] = [];
  const written = advice.flatMap(one => (one.kind === 'unknown-tag' ? [] : one.steps));
  // A process is named above already.
  const helpful =
    facts.handles === null
      ? written
      : written.filter(step => !/HandleCount|by handle count|handle\.exe/.test(step));
  steps.push(...helpful.slice(0, MAX_ADVICE_STEPS).map(text => ({ text })));
  if (owners.length === 0) {
    steps.push(
      {
        text: 'Look for the owner in every driver of the computer.',
        command: 'pooltag scan --all-drivers --format localtag --out localtag.txt',
      },
      { text: 'Then ask again with --drivers localtag.txt beside the same files.' },
    );
  }
  steps.push(
    ...poolmonSteps(lead),
    {
      text: `See ${tagName(tag)} in the kernel debugger, with the bytes of both pools.`,
      command: `!poolused ${pool === 'nonpaged' ? 2 : 4}${isTyped ? ` ${tag}` : ''}`,
    },
    ...verifierSteps(lead),
  );
  if (articles.some(({ applies }) => applies.verdict === 'may-apply')) {
    steps.push({
      text: 'Say the build of Windows and the versions of drivers, to see which known leaks apply: in the fields of the page, or by --windows BUILD and --driver FILE@VERSION.',
    });
  }
  const others = facts.suspects.filter(one => one !== lead && isTypedTag(one.tag)).map(one => one.tag);
  const asked = [...new Set([...(isTyped ? [tag] : []), ...others])];
  if (asked.length > 0) {
    steps.push({
      text: 'Read all that is known of the suspects.',
      command: `pooltag who ${asked.join(' ')}`,
    });
  }
  return steps;
}

function poolmonSteps({ tag }: SuspectView): NextStep[] {
  return isTypedTag(tag)
    ? [
        {
          text: `Watch ${tagName(tag)} alone while you stop services and programs.`,
          command: `poolmon /i${tag} /b`,
        },
      ]
    : [{ text: 'Watch the tags while you stop services and programs.', command: 'poolmon /b' }];
}

/** Drivers of others than Windows: its own are rarely the culprit. */
function verifierSteps({ owners, sightings }: SuspectView): NextStep[] {
  const seen = sightings
    .filter(({ driver, strength }) => strength !== 'bytes-only' && !/microsoft/i.test(driver.company ?? ''))
    .map(({ driver }) => driver.fileName);
  const named = owners.filter(({ component }) => component === null).map(({ image }) => image ?? '');
  const driver = [...seen, ...named].find(name => /^[\w-]{1,60}\.sys$/i.test(name));
  if (driver === undefined) return [];
  return [
    {
      text: `Count the pool of ${driver} by Driver Verifier from the next start on; try it on a test machine first.`,
      command: `verifier /flags 0x8 /driver ${driver}`,
    },
    {
      text: 'After the restart see what it holds; verifier /reset turns it off again.',
      command: 'verifier /query',
    },
  ];
}

function snapshotSteps({ report }: LeakFacts): NextStep[] {
  if (report.snapshots.length === 0 || report.compared >= ENOUGH_SNAPSHOTS) return [];
  const steps: NextStep[] = [];
  if (isCompared(report) && report.spanHours === undefined) {
    steps.push({
      text: 'Say how far apart the snapshots were taken, such as --every 30m, to have growth by the hour.',
    });
  }
  return [
    ...steps,
    {
      text: 'Take a snapshot each quarter of an hour for a day (as typed in a command window).',
      command: 'for /L %i in (1,1,96) do @(poolmon /n pool-%i.log & timeout /t 900 /nobreak > nul)',
    },
    { text: 'Compare them.', command: 'pooltag leaks pool-*.log --every 15m' },
  ];
}

/** Tags of single blocks have no row, and so no owner above. */
function blockSteps({ report: { blocks, tags } }: LeakFacts): NextStep[] {
  if (tags.length > 0) return [];
  const names = [...new Set(blocks.map(({ tag }) => tag as string))].filter(isTypedTag).slice(0, 10);
  if (names.length === 0) return [];
  return [{ text: 'See who owns these blocks.', command: `pooltag who ${names.join(' ')}` }];
}
