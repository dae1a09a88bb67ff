/** Charts to zoom into: the library is fetched where there is something to draw, and takes the place of the server's drawing. */
import { announce } from './said.js';

export const charts = new Set();
let library;

export function loadCharts({ chartStyle, chartScript }) {
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

function timeLabel(seconds, step) {
  const date = new Date(seconds * 1000);
  const clock = date.toISOString().slice(11, step < 60 ? 19 : 16);
  const isDay = step >= 86400 || (step >= 3600 && clock === '00:00');
  return isDay
    ? date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
    : clock;
}

/** A place on the axis, to be read. */
export function whenText(kind, place) {
  if (kind === 'clock') return new Date(place).toISOString().slice(0, 19).replace('T', ' ');
  return kind === 'hours' ? `${grouped(place / UNITS.hours)} h` : grouped(place);
}

const UNITS = { clock: 1000, hours: 3_600_000, count: 1 };
const STEPS = {
  hours: [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1344],
  count: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
};
export const grouped = number => number.toLocaleString('en-GB');

/** Numbers as the server writes them: each as its difference from the one before, `x` for none, `=` before a whole one. */
export function numbersOf(text) {
  let before = 0;
  return text.split(',').map(step => {
    if (step === 'x') return null;
    before = step.startsWith('=') ? Number(step.slice(1)) : before + Number(step);
    return before;
  });
}

/** A point in words. */
export const pointText = ({ kind, isBytes, places, y }, at) =>
  `${whenText(kind, places[at])}: ${y[at] === null ? 'not printed' : grouped(y[at]) + (isBytes ? ' bytes' : '')}`;

export function drawChart(figure, course) {
  const drawn = figure.querySelector('.drawn');
  const { kind, places, y, ticks } = course;
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

  const say = at => (at == null || x[at] === undefined ? '' : pointText(course, at));
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
  new ResizeObserver(() => figure.clientWidth > 0 && chart.setSize(size())).observe(figure);
  charts.add(chart);
  return chart;
}

export async function drawCharts(root) {
  const figures = root.querySelectorAll('[data-chart]');
  const source = root.querySelector('[data-chart-script]');
  if (figures.length === 0 || !source) return;
  try {
    await loadCharts(source.dataset);
    for (const figure of figures) {
      const { x, y, ...course } = JSON.parse(figure.dataset.chart);
      drawChart(figure, { ...course, places: numbersOf(x), y: numbersOf(y) });
    }
  } catch {
    // The server's drawings stay.
  }
}

const recolour = () => {
  for (const chart of charts) chart.redraw();
};
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ['data-theme'] });
