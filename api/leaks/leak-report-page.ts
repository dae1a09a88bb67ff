/** The answer to what is leaking as one HTML file to attach to a ticket: no script, nothing loaded from anywhere. */
import { createHash } from 'node:crypto';
import { programVersion } from '../../data/project-files.ts';
import { assetNamed } from '../page-assets.ts';
import { timeText } from '../page-models/leak-numbers.ts';
import { leakResult } from '../page-models/leaks-page.ts';
import { renderPage } from '../render-page.ts';
import type { LeakAnswer } from './leak-answer.ts';

export interface LeakReportOptions {
  /** Milliseconds since 1970; nothing is said of it where it is absent. */
  madeAtMs?: number;
}

/** The file's text. Its Content-Security-Policy allows its own style and nothing else. */
export function leakReportPage(answer: LeakAnswer, { madeAtMs }: LeakReportOptions = {}): string {
  const style = `${assetNamed('pooltag.css')!.content}${assetNamed('leaks.css')!.content}`;
  const hash = createHash('sha256').update(style).digest('base64');
  return renderPage('leak-report', {
    ...leakResult(answer, { guides: new Map(), hasLinks: false }),
    style,
    policy: `default-src 'none'; style-src 'sha256-${hash}'`,
    made: madeAtMs === undefined ? null : `${timeText(madeAtMs)} UTC`,
    version: programVersion(),
  });
}
