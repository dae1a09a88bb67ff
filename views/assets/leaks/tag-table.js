/** The table of tags, sorted and filtered where it stands. */
import { opened, setUpRowCharts } from './row-charts.js';
import { announce, main } from './said.js';

function numberIn(cell) {
  const number = Number(cell.textContent.replaceAll(',', '').replace('\u2212', '-'));
  return Number.isNaN(number) ? -Infinity : number;
}

function sortBy(head) {
  const column = head.cellIndex;
  const kind = head.dataset.sort;
  const before = head.ariaSort;
  // The largest are looked for first, except for places.
  const first = kind === 'number' && column > 0 ? 'descending' : 'ascending';
  const order = before === null ? first : before === 'ascending' ? 'descending' : 'ascending';
  for (const other of head.parentElement.cells) other.ariaSort = null;
  head.ariaSort = order;
  const [body] = head.closest('table').tBodies;
  const sign = order === 'ascending' ? 1 : -1;
  const verdicts = [...main.querySelector('[data-filter=verdict]').options].map(({ text }) => text);
  const keyOf = {
    number: numberIn,
    text: ({ textContent }) => textContent,
    verdict: ({ textContent }) => verdicts.indexOf(textContent),
  }[kind];
  const keyed = [...body.rows]
    .filter(row => row.className !== 'drawn-row')
    .map(row => ({ row, key: keyOf(row.cells[column]) }));
  keyed.sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : 0));
  body.append(...keyed.flatMap(({ row }) => (opened.has(row) ? [row, opened.get(row).part] : row)));
  announce(`Sorted by ${head.textContent}, ${order}.`);
}

/** PoolMon's wildcards: `?` is one character, `*` any number. Blanks at the end need not be typed. */
function patternOf(text) {
  const source = text
    .replace(/\*+/g, '*')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source} *$`, 's');
}

/** What a filter asks of the text of its column; the others want just this text. */
const ASKED = {
  tag: value => {
    const pattern = patternOf(value);
    return text => pattern.test(text);
  },
  owner: value => text => text.toLowerCase().includes(value.toLowerCase()),
};

export function setUpTable(root) {
  const region = root.querySelector('[data-sortable]');
  if (!region) return;
  setUpRowCharts(region);
  for (const head of region.querySelectorAll('[data-sort]')) {
    const button = document.createElement('button');
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => sortBy(head));
  }
  const count = root.querySelector('[data-tag-count]');
  const all = count.textContent;
  const rows = [...region.querySelectorAll('.tags tbody tr')];
  const fields = [...root.querySelectorAll('[data-filter]')];
  const columnOf = name => region.querySelector(`[data-column=${name}]`)?.cellIndex;
  const filter = () => {
    const asked = fields
      .filter(({ value }) => value !== '')
      .map(({ value, dataset: { filter: name } }) => [
        columnOf(name),
        (ASKED[name] ?? (wanted => text => text === wanted))(value),
      ]);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !asked.every(([column, fits]) =>
        fits((column === undefined ? row.querySelector('.tag') : row.cells[column]).textContent),
      );
      if (opened.has(row)) opened.get(row).part.hidden = row.hidden;
      if (!row.hidden) shown++;
    }
    count.textContent = shown === rows.length ? all : `${shown} of ${rows.length} rows.`;
  };
  for (const field of fields) field.addEventListener('input', filter);
  root.querySelector('[data-all]')?.addEventListener('click', () => {
    const form = root.querySelector('[data-leaks]');
    const [tag, pool] = fields;
    form.elements.include.value = tag.value;
    form.elements.pool.value = pool.value;
    form.elements.sort.value = region.querySelector('[aria-sort]')?.dataset.by ?? '';
    form.requestSubmit(form.querySelector('.main'));
  });
}
