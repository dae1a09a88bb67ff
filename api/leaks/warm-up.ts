/** The first answer on leaks loads and compiles more than all later ones: a server gives it to itself. */
import type { Catalogue } from '../catalogue.ts';
import { answerUpload } from './answer-upload.ts';
import { leakReportPage } from './leak-report-page.ts';

/** Tags as they may stand in any log; each is looked up, and one grows. */
const TAGS = 300;
const HOURS = 8;

/** Answers a made log once and throws the answer away. Never rejects: who asks later meets the fault, if there is one. */
export async function warmUpLeaks(catalogue: Catalogue): Promise<void> {
  const texts = [{ name: 'warm-up', chunks: [Buffer.from(madeLog(), 'latin1')] }];
  try {
    leakReportPage(await answerUpload({ texts, fields: new Map(), release() {} }, {}, catalogue));
  } catch {
    // Nobody asked for this answer.
  }
}

function madeLog(): string {
  const lines: string[] = [];
  for (let hour = 0; hour < HOURS; hour++) {
    lines.push(
      `2026-01-01 0${hour}:00:00`,
      ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc',
      '',
    );
    for (let tag = 0; tag < TAGS; tag++) {
      const name = tag === 0 ? 'Thre' : `W${tag.toString(36).padStart(3, '_')}`;
      const diff = 1_000 + tag + hour * (tag === 0 ? 500 : tag % 7);
      lines.push(` ${name} Nonp  ${diff + 9_000}  9000  ${diff}  ${diff * 64}  64`);
    }
    lines.push('');
  }
  return lines.join('\n');
}
