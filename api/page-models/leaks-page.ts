/** The page that answers what is leaking: the headline first, the evidence under it, the next step beside it. */
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { readSort } from '../leaks/leak-view.ts';
import { assetPath } from '../page-assets.ts';
import type { GuideTitles } from './advice-box.ts';
import { whatWasRead } from './leak-sources.ts';
import { type LeakPlace, suspectBlock } from './leak-suspect.ts';
import {
  blockTable,
  groupList,
  memoryRows,
  processTable,
  tagTable,
  verdictCounts,
  verifierTables,
} from './leak-tables.ts';
import { type LeaksFields, leaksForm } from './leaks-form.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { proseParts } from './prose-parts.ts';
import { reportCharts } from './report-charts.ts';

/** What the answer does not hold. */
export interface LeaksPageExtras {
  guides: GuideTitles;
  fields: LeaksFields;
  /** The names of the files that were read; the reader has to choose them again. */
  files: readonly string[];
}

/** The view model of views/pages/leaks-result.hbs. */
export function leaksResultPage(context: PageContext, answer: LeakAnswer, extras: LeaksPageExtras) {
  return {
    frame: pageFrame(context, {
      title: 'What is leaking',
      description: answer.headline,
      section: 'leaks',
      assets: { styles: ['leaks.css'], scripts: ['leaks.js'] },
    }),
    charts: { style: assetPath('uplot.css'), script: assetPath('uplot.js') },
    ...leakResult(answer, {
      guides: extras.guides,
      hasLinks: true,
      sort: readSort(extras.fields.sort || 'suspicion'),
    }),
    form: leaksForm(extras.fields),
    filesNote:
      extras.files.length > 0
        ? `Choose the files again (${extras.files.slice(0, 5).join(', ')}${extras.files.length > 5 ? ', ...' : ''}): a page cannot.`
        : null,
  };
}

/** What the page and the report share: the model of views/partials/leak-result.hbs. */
export function leakResult(answer: LeakAnswer, place: LeakPlace) {
  return {
    hasLinks: place.hasLinks,
    headline: answer.headline,
    summary: answer.summary.map(proseParts),
    nextSteps: answer.nextSteps.map(({ text, command }) => ({
      text: proseParts(text),
      command: command ?? null,
    })),
    verdicts: verdictCounts(answer),
    suspectsTitle: `${isOnlyLarge(answer) ? 'The largest tags' : 'Suspects'} (${answer.suspects.length})`,
    suspects: answer.suspects.map(suspect => suspectBlock(suspect, answer, place)),
    groups: groupList(answer, place),
    table: tagTable(answer, place),
    moreCharts: place.hasLinks ? null : reportCharts(answer),
    processes: processTable(answer),
    verifier: verifierTables(answer),
    blocks: blockTable(answer),
    memory: memoryRows(answer),
    read: whatWasRead(answer),
  };
}

/** Nothing was compared, and none of the largest shows anything by itself: nobody is suspected. */
function isOnlyLarge({ suspects }: LeakAnswer): boolean {
  return suspects.every(({ verdict }) => verdict === 'not-compared');
}
