/**
 * The program behind `npm run check:knowledge`: prints every fault of the bundled knowledge, exit code 1 if there is
 * any. `--write-schemas` first writes the schema files that editors use.
 */
import { readFileSync } from 'node:fs';
import { readKnowledgeFiles } from '../knowledge-files.ts';
import { readGuides } from '../knowledge-guides.ts';
import { projectFile } from '../project-files.ts';
import { checkRules, type Exception } from './check-rules.ts';
import { RULES } from './rules.ts';
import { staleSchemas, writeSchemas } from './schemas.ts';

const folder = projectFile('data', 'knowledge');
if (process.argv.includes('--write-schemas')) writeSchemas(folder);
const exceptions: Exception[] = JSON.parse(
  readFileSync(projectFile('data', 'lint', 'exceptions.json'), 'utf8'),
);
const base = {
  ...readKnowledgeFiles(folder),
  guides: readGuides(projectFile('data', 'guides')),
};
const findings = [...checkRules(base, RULES, exceptions), ...staleSchemas(folder)];
for (const { file, entry, rule, message } of findings) {
  console.log(`${file}  ${JSON.stringify(entry)}  ${rule}  ${message}`);
}
const entries = base.components.flatMap(({ content }) => content.entries);
const unknown = entries.filter(entry => entry.unknown).length;
console.log(
  `${base.components.length} components, ${entries.length} entries (${unknown} with only an owner), ` +
    `${base.leaks.leaks.length} known leaks, ${base.advice.advice.length} pieces of advice, ${base.guides.length} guides, ` +
    `${base.sources.sources.length} sources: ${findings.length === 0 ? 'no fault' : `${findings.length} to mend`}.`,
);
if (findings.length > 0) process.exitCode = 1;
