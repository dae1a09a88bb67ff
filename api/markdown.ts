/** Guides from Markdown to HTML. Raw HTML in the text is shown as text; links are ours or http. */
import MarkdownIt from 'markdown-it';

/** A guide as HTML, and what its second-level headings say. */
export interface RenderedMarkdown {
  html: string;
  contents: { id: string; text: string }[];
}

/** Ids that the page around a guide has. */
const TAKEN_IDS = ['main', 'q', 'live', 'contents'];

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });

markdown.renderer.rules.table_open = () => '<div class="table"><table>\n';
markdown.renderer.rules.table_close = () => '</table></div>\n';
// A block that scrolls must be reachable by keyboard.
const fence = markdown.renderer.rules.fence!;
markdown.renderer.rules.fence = (...parameters) => fence(...parameters).replace(/^<pre/, '<pre tabindex="0"');
const codeBlock = markdown.renderer.rules.code_block!;
markdown.renderer.rules.code_block = (...parameters) =>
  codeBlock(...parameters).replace(/^<pre/, '<pre tabindex="0"');

/** Renders a guide. Headings of the second and third level get ids, so that a link can name them. */
export function renderMarkdown(text: string): RenderedMarkdown {
  const tokens = markdown.parse(text, {});
  const contents: RenderedMarkdown['contents'] = [];
  const used = new Set(TAKEN_IDS);
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'heading_open' || (token.tag !== 'h2' && token.tag !== 'h3')) continue;
    const title = (tokens[index + 1].children ?? []).map(child => child.content).join('');
    const id = unusedId(title, used);
    token.attrSet('id', id);
    if (token.tag === 'h2') contents.push({ id, text: title });
  }
  return { html: markdown.renderer.render(tokens, markdown.options, {}), contents };
}

function unusedId(title: string, used: Set<string>): string {
  const base =
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'part';
  let id = base;
  for (let n = 2; used.has(id); n++) id = `${base}-${n}`;
  used.add(id);
  return id;
}
