/** Turns a view model into HTML. The only file that knows Handlebars. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Handlebars from 'handlebars';
import { projectFile } from '../data/project-files.ts';

/**
 * Strict: a field that a template names and a model lacks is an error, not a blank. No helper but the built-in ones:
 * everything that needs thought is done in page-models/.
 */
const OPTIONS: CompileOptions = { strict: true, preventIndent: true, knownHelpersOnly: true };

/** Characters that change how the text around them reads: file names may hold them to look like another name. */
const MISLEADING = /(?![\t\n\r])\p{Cc}|\p{Bidi_Control}/gu;

const handlebars = Handlebars.create();
for (const [name, source] of templates('partials')) {
  handlebars.registerPartial(name, handlebars.compile(source, OPTIONS));
}
const pages = new Map(
  templates('pages').map(([name, source]) => [name, handlebars.compile<object>(source, OPTIONS)]),
);

/**
 * The text of a page: `views/pages/{name}.hbs` over its model. All text is escaped, except Markdown that markdown-it
 * made with HTML off.
 */
export function renderPage(name: string, model: object): string {
  const page = pages.get(name);
  if (page === undefined) throw new Error(`There is no template views/pages/${name}.hbs.`);
  return page(model).replace(MISLEADING, character => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `\\u${code}`;
  });
}

/** Every template of a folder, by name. The line end that closes a file is no part of a page. */
function templates(folder: string): [name: string, source: string][] {
  const home = projectFile('views', folder);
  return readdirSync(home)
    .filter(file => file.endsWith('.hbs'))
    .map(file => [path.basename(file, '.hbs'), readFileSync(path.join(home, file), 'utf8').trimEnd()]);
}
