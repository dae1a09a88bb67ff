/** What the page of leaks can do quicker with a script: answer in place, sort, filter, and charts to zoom into. */

const announce = text => {
  document.querySelector('[data-announce]').textContent = text;
};
const main = document.querySelector('main');

/* Charts: the library is fetched where there is something to draw, and takes the place of the server's drawing. */
const charts = new Set();
let library;

function loadCharts({ chartStyle, chartScript }) {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    // A browser started without a language names one that the library stumbles over: "en-US@posix".
    Object.defineProperty(navigator, 'language', { value: 'en-GB' });
  }
  library ??= new Promise((resolve, reject) => {
    const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: chartStyle });
    const script = Object.assign(document.createElement('script'), { src: chartScript });
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(style, script);
  });
  return library;
}

const pad = number => String(number).padStart(2, '0');
const clock = date => `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
const dayOf = date => date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function timeLabel(seconds, step) {
  const date = new Date(seconds * 1000);
  if (step >= 86400 || (step >= 3600 && clock(date) === '00:00')) return dayOf(date);
  return step < 60 ? `${clock(date)}:${pad(date.getUTCSeconds())}` : clock(date);
}

/** A place on the axis, to be read. */
function whenText(kind, place) {
  if (kind === 'clock') return new Date(place).toISOString().slice(0, 19).replace('T', ' ');
  return kind === 'hours' ? `${grouped(place / UNITS.hours)} h` : grouped(place);
}

const UNITS = { clock: 1000, hours: 3_600_000, count: 1 };
const STEPS = {
  hours: [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1344],
  count: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
};
const grouped = number => number.toLocaleString('en-GB');

function drawChart(figure) {
  const drawn = figure.querySelector('.drawn');
  const { kind, isBytes, x: places, y, ticks } = JSON.parse(figure.dataset.chart);
  const isClock = kind === 'clock';
  // The library counts times in seconds.
  const x = places.map(place => place / UNITS[kind]);
  const colourOf = (part, property) => () => getComputedStyle(drawn.querySelector(part))[property];
  const [soft, line] = [colourOf('text', 'fill'), colourOf('.grid', 'stroke')];
  const accent = colourOf('path', 'stroke');
  const axis = {
    stroke: soft,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: '12px sans-serif',
  };
  const read = figure.querySelector('[data-read]');
  const whole = figure.querySelector('[data-whole]');
  const place = document.createElement('div');
  drawn.after(place);
  drawn.classList.add('gone');
  const size = () => ({ width: figure.clientWidth, height: place.clientHeight || 224 });
  place.className = 'place';

  const say = at => {
    if (at == null || x[at] === undefined) return '';
    const value = y[at] === null ? 'not printed' : grouped(y[at]) + (isBytes ? ' bytes' : '');
    return `${whenText(kind, places[at])}: ${value}`;
  };
  const chart = new uPlot(
    {
      ...size(),
      legend: { show: false },
      padding: [8, 28, 0, 0],
      cursor: { y: false, drag: { x: true, y: false } },
      tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      scales: {
        x: { time: isClock, ...(x.length === 1 ? { range: [x[0] - 1, x[0] + 1] } : {}) },
        y: { range: [ticks[0][0], ticks.at(-1)[0]] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          space: 70,
          ...(isClock
            ? { values: (_, splits, __, ___, step) => splits.map(at => timeLabel(at, step)) }
            : { incrs: STEPS[kind], values: (_, splits) => splits.map(grouped) }),
        },
        {
          ...axis,
          size: 64,
          gap: 8,
          splits: () => ticks.map(([value]) => value),
          values: () => ticks.map(([, label]) => label),
        },
      ],
      series: [{}, { stroke: accent, width: 2, points: { show: x.length <= 60, size: 4, fill: accent } }],
      hooks: {
        setCursor: [
          ({ cursor }) => {
            read.textContent = say(cursor.idx);
          },
        ],
        setScale: [
          (shown, key) => {
            const { min, max } = shown.scales.x;
            if (key === 'x') whole.hidden = min <= x[0] && max >= x.at(-1);
          },
        ],
      },
    },
    [x, y],
    place,
  );
  const showWhole = () => chart.setScale('x', { min: x[0], max: x.at(-1) });
  whole.addEventListener('click', showWhole);

  place.tabIndex = 0;
  place.setAttribute('role', 'img');
  const description = drawn.querySelector('desc').textContent;
  place.setAttribute('aria-label', `${figure.dataset.title}. ${description} The arrow keys read the points.`);
  let at = -1;
  place.addEventListener('keydown', event => {
    const last = x.length - 1;
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') showWhole();
    else if (event.key === '+' && at >= 0) {
      const { min, max } = chart.scales.x;
      const half = (max - min) / 4;
      chart.setScale('x', { min: x[at] - half, max: x[at] + half });
    } else if (event.key in moves) {
      event.preventDefault();
      at = Math.max(0, Math.min(last, moves[event.key]));
      const top = y[at] === null ? 0 : chart.valToPos(y[at], 'y');
      chart.setCursor({ left: chart.valToPos(x[at], 'x'), top });
      announce(say(at));
    }
  });
  new ResizeObserver(() => chart.setSize(size())).observe(figure);
  charts.add(chart);
}

async function drawCharts(root) {
  const figures = root.querySelectorAll('[data-chart]');
  const source = root.querySelector('[data-chart-script]');
  if (figures.length === 0 || !source) return;
  try {
    await loadCharts(source.dataset);
    for (const figure of figures) drawChart(figure);
  } catch {
    // The server's drawings stay.
  }
}

const recolour = () => {
  for (const chart of charts) chart.redraw();
};
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ['data-theme'] });

/* The table of tags, sorted and filtered where it stands. */
function numberIn(cell) {
  const number = Number(cell.textContent.replaceAll(',', '').replace('\u2212', '-'));
  return Number.isNaN(number) ? -Infinity : number;
}

function sortBy(head) {
  const column = head.cellIndex;
  const isNumber = head.dataset.sort === 'number';
  const before = head.getAttribute('aria-sort');
  // The largest are looked for first, except for places.
  const first = isNumber && column > 0 ? 'descending' : 'ascending';
  const order = before === null ? first : before === 'ascending' ? 'descending' : 'ascending';
  for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', order);
  const body = head.closest('table').tBodies[0];
  const sign = order === 'ascending' ? 1 : -1;
  const keyed = [...body.rows].map(row => ({
    row,
    key: isNumber ? numberIn(row.cells[column]) : row.cells[column].textContent,
  }));
  keyed.sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : 0));
  body.append(...keyed.map(({ row }) => row));
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

function setUpTable(root) {
  const table = root.querySelector('[data-sortable] table');
  if (!table) return;
  for (const head of table.querySelectorAll('[data-sort]')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => sortBy(head));
  }
  const [tag, pool] = ['tag', 'pool'].map(name => root.querySelector(`[data-filter="${name}"]`));
  const count = root.querySelector('[data-tag-count]');
  const all = count.textContent;
  const rows = [...table.tBodies[0].rows];
  const filter = () => {
    const pattern = tag.value === '' ? /^/ : patternOf(tag.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !(
        pattern.test(row.cells[1].querySelector('.tag').textContent) &&
        (pool.value === '' || row.cells[2].textContent === pool.value)
      );
      if (!row.hidden) shown++;
    }
    count.textContent = shown === rows.length ? all : `${shown} of ${rows.length} rows.`;
  };
  tag.addEventListener('input', filter);
  pool.addEventListener('change', filter);
}

/* The form: files can be dropped, and the answer comes in place, so that Back leads to what was typed. */
const MAX_BYTES = 20 * 1024 * 1024;

function setUpForm(root) {
  const form = root.querySelector('[data-leaks]');
  if (!form) return;
  const drop = form.querySelector('[data-drop]');
  const [input, busy] = [form.elements.files, form.querySelector('[data-busy]')];
  const over = isOver => event => {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    drop.classList.toggle('over', isOver);
    if (event.type === 'drop') input.files = event.dataTransfer.files;
  };
  for (const type of ['dragenter', 'dragover']) form.addEventListener(type, over(true));
  for (const type of ['dragleave', 'drop']) form.addEventListener(type, over(false));

  form.addEventListener('formdata', ({ formData }) => {
    for (const { lastModified, name } of input.files) formData.append('modified', `${lastModified} ${name}`);
  });
  form.addEventListener('submit', async event => {
    const isDownload = event.submitter?.name === 'as';
    const files = [...input.files];
    const size = files.reduce((sum, file) => sum + file.size, 0) + new Blob([form.elements.text.value]).size;
    if (isDownload && size <= MAX_BYTES) return;
    event.preventDefault();
    if (size > MAX_BYTES) {
      busy.textContent = 'This is more than 20 MB. The command reads files of any size: pooltag leaks FILE';
      return;
    }
    busy.textContent = 'Reading...';
    try {
      const body = new FormData(form);
      const response = await fetch(form.action, { method: 'POST', body, headers: { accept: 'text/html' } });
      showPage(new DOMParser().parseFromString(await response.text(), 'text/html'), input.files);
      busy.textContent = '';
    } catch {
      busy.textContent = 'The server did not answer. What you gave is still here: try again.';
    }
  });
}

/** What stood on the page, by the place in the history. */
const views = [];
let at = history.state?.leaks ?? 0;

function turnTo(place, nodes) {
  views[at] = [...main.childNodes];
  at = place;
  main.replaceChildren(...nodes);
}

function showPage(page, files) {
  turnTo(at + 1, page.querySelector('main').childNodes);
  views.length = at;
  history.pushState({ leaks: at }, '');
  document.title = page.title;
  const input = main.querySelector('[data-leaks] [name=files]');
  if (input) input.files = files;
  main.querySelector('[data-files-note]')?.remove();
  setUp(main);
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
  announce(main.querySelector('h1').textContent);
}

addEventListener('popstate', ({ state }) => {
  const place = state?.leaks ?? 0;
  if (views[place]) turnTo(place, views[place]);
  else location.reload();
});

function setUp(root) {
  setUpForm(root);
  setUpTable(root);
  drawCharts(root);
}
setUp(main);
