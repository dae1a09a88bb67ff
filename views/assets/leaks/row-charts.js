/** Charts of rows: made when they are asked for, with a table of their numbers beside. */
import { charts, drawChart, grouped, loadCharts, numbersOf, pointText, whenText } from './charts.js';
import { main } from './said.js';

export const opened = new Map();

function courseOf({ bytes, diff, at, axis }, { kind, times }) {
  const all = numbersOf(times);
  const y = numbersOf(bytes ?? diff);
  const last = Math.max(1, y.length - 1);
  const places = (at ? numbersOf(at) : y.map((_, n) => Math.round((n * (all.length - 1)) / last))).map(
    place => all[place],
  );
  const [low, step, count, unitBytes, unit] = axis.split(',');
  const ticks = Array.from({ length: Number(count) + 1 }, (_, n) => {
    const mark = Number(low) + n * step;
    return [mark * unitBytes, `${mark.toLocaleString('en-GB', { maximumFractionDigits: 6 })} ${unit}`];
  });
  return { kind, isBytes: bytes !== undefined, places, y, ticks };
}

async function openChart(row, name, region) {
  const course = courseOf(row.dataset, region.dataset);
  const { kind, isBytes, places, y } = course;
  const part = region.querySelector('template').content.firstElementChild.cloneNode(true);
  const [figure, table] = [part.querySelector('figure'), part.querySelector('table')];
  const title = `${name}: ${isBytes ? 'bytes' : 'allocations'} in use ${figure.dataset.course}`;
  figure.dataset.title = table.caption.textContent = table.parentElement.ariaLabel = title;
  figure.querySelector('desc').textContent =
    `From ${pointText(course, 0)} to ${pointText(course, y.length - 1)}.`;
  const unit = isBytes ? 'Bytes' : 'Allocations in use';
  part.querySelector('figcaption').textContent = table.rows[0].cells[1].textContent = unit;
  const [body] = table.tBodies;
  const line = body.rows[0];
  const lines = y.map((value, n) => {
    const one = line.cloneNode(true);
    one.cells[0].textContent = whenText(kind, places[n]);
    one.cells[1].textContent = value === null ? '–' : grouped(value);
    return one;
  });
  body.replaceChildren(...lines);
  row.after(part);
  const open = { part };
  opened.set(row, open);
  try {
    await loadCharts(main.querySelector('[data-chart-script]').dataset);
    if (opened.get(row) === open) open.chart = drawChart(figure, course);
  } catch {
    figure.remove();
  }
}

function closeChart(row) {
  const { part, chart } = opened.get(row);
  chart?.destroy();
  charts.delete(chart);
  part.remove();
  opened.delete(row);
}

export function setUpRowCharts(region) {
  for (const cell of region.querySelectorAll('[data-axis] > .plot')) {
    const row = cell.parentElement;
    const name = `${row.querySelector('.tag').textContent} in ${cell.nextSibling.textContent} pool`;
    const button = document.createElement('button');
    Object.assign(button, {
      type: 'button',
      className: 'copy',
      textContent: 'Chart',
      ariaLabel: `Chart of ${name}`,
      ariaExpanded: false,
    });
    button.addEventListener('click', () => {
      button.ariaExpanded = !opened.has(row);
      if (opened.has(row)) closeChart(row);
      else openChart(row, name, region);
    });
    cell.append(button);
  }
}
