/** The form: files can be dropped, and the answer comes in place, so that Back leads to what was typed. */
import { drawCharts } from './charts.js';
import { announce, main } from './said.js';
import { setUpTable } from './tag-table.js';

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
      showPage(new DOMParser().parseFromString(await response.text(), 'text/html'), form.elements);
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

function showPage(page, given) {
  turnTo(at + 1, page.querySelector('main').childNodes);
  views.length = at;
  history.pushState({ leaks: at }, '');
  document.title = page.title;
  const fields = main.querySelector('[data-leaks]')?.elements;
  if (fields) {
    fields.files.files = given.files.files;
    fields.text.value ||= given.text.value;
  }
  for (const note of main.querySelectorAll('[data-files-note], [data-text-note]')) note.remove();
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
