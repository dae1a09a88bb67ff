/** What the pages can do quicker with a script. Every page works without it. */

document.documentElement.classList.add('js');

const announce = text => {
  document.querySelector('[data-announce]').textContent = text;
};

/* Colours: the server writes the chosen theme into the page, this only saves the round trip. */
const YEAR_S = 365 * 24 * 60 * 60;
const themeForm = document.querySelector('.theme');

function showTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of themeForm.elements) {
    if (button.name === 'theme') button.setAttribute('aria-pressed', String(button.value === theme));
  }
}

themeForm.addEventListener('submit', event => {
  const theme = event.submitter?.value;
  if (!theme) return;
  event.preventDefault();
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API needs https, and this runs on 127.0.0.1 and inside networks.
  document.cookie = `theme=${theme}; path=/; max-age=${theme === 'auto' ? 0 : YEAR_S}; samesite=lax`;
  showTheme(theme);
});
// A page that comes back from the browser's cache may have been left before the theme changed.
addEventListener('pageshow', event => {
  if (event.persisted) showTheme(/(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1] ?? 'auto');
});

/* Copying. The clipboard API is there only on https and on this computer itself. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'vh';
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    return isCopied;
  }
}

const COPIED_SHOWN_MS = 1500;
document.addEventListener('click', async event => {
  const button = event.target.closest('.copy[data-copy]');
  if (!button) return;
  const { copy } = button.dataset;
  const text = copy.startsWith('/') ? new URL(copy, location.href).href : copy;
  const isCopied = await copyText(text);
  button.focus();
  button.textContent = isCopied ? 'Copied' : 'Failed';
  button.classList.toggle('done', isCopied);
  announce(isCopied ? `Copied ${text}` : 'The browser did not allow copying.');
  setTimeout(() => {
    button.textContent = 'Copy';
    button.classList.remove('done');
  }, COPIED_SHOWN_MS);
});

/* The search box: answers while you type. */
const form = document.querySelector('[data-live]');
const input = form.querySelector('input');
const list = document.createElement('div');
list.className = 'live';
list.id = 'live';
list.setAttribute('role', 'listbox');
list.setAttribute('aria-label', 'Tags');
list.hidden = true;
form.append(list);
for (const [name, value] of Object.entries({
  role: 'combobox',
  'aria-expanded': 'false',
  'aria-controls': 'live',
  'aria-autocomplete': 'list',
})) {
  input.setAttribute(name, value);
}

const TYPING_PAUSE_MS = 90;
const KEPT_ANSWERS = 50;
const answers = new Map();
let timer;
let asking;
let shownFor = '';

const options = () => [...list.querySelectorAll('[role=option]')];
const selected = () => list.querySelector('[aria-selected=true]');

function select(option) {
  selected()?.setAttribute('aria-selected', 'false');
  option?.setAttribute('aria-selected', 'true');
  option?.scrollIntoView({ block: 'nearest' });
  if (option) input.setAttribute('aria-activedescendant', option.id);
  else input.removeAttribute('aria-activedescendant');
}

function close() {
  clearTimeout(timer);
  asking?.abort();
  list.hidden = true;
  input.setAttribute('aria-expanded', 'false');
  select(null);
}

function show(query, html) {
  shownFor = query;
  list.innerHTML = html;
  const isEmpty = options().length === 0;
  list.hidden = isEmpty;
  input.setAttribute('aria-expanded', String(!isEmpty));
  select(list.querySelector('[data-exact]'));
  announce(list.firstElementChild?.dataset.said ?? '');
}

async function ask(query) {
  asking?.abort();
  if (answers.has(query)) return show(query, answers.get(query));
  asking = new AbortController();
  const { signal } = asking;
  try {
    const response = await fetch(`${form.dataset.live}?q=${encodeURIComponent(query)}`, { signal });
    if (!response.ok) return close();
    const html = await response.text();
    if (answers.size >= KEPT_ANSWERS) answers.clear();
    answers.set(query, html);
    if (!signal.aborted) show(query, html);
  } catch (error) {
    if (error.name !== 'AbortError') close();
  }
}

input.addEventListener('input', () => {
  clearTimeout(timer);
  // Blanks count in a tag, so the text is asked as it stands.
  const query = input.value;
  if (query.trim() === '') return close();
  timer = setTimeout(ask, TYPING_PAUSE_MS, query);
});

input.addEventListener('keydown', event => {
  if (event.isComposing) return;
  const all = options();
  if (event.key === 'Escape') {
    // The first Esc closes the list, the next one empties the box.
    if (!list.hidden) event.preventDefault();
    else if (input.value === '') input.blur();
    close();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && all.length > 0) {
    event.preventDefault();
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    const step = event.key === 'ArrowDown' ? 1 : -1;
    const from = all.indexOf(selected());
    select(all[(from === -1 && step === -1 ? all.length - 1 : from + step + all.length) % all.length]);
  } else if (event.key === 'Enter' && !list.hidden && selected() && shownFor === input.value) {
    event.preventDefault();
    location.href = selected().href;
  }
});
input.addEventListener('blur', close);
// Keeps the focus in the box while a result is pressed, so that the list is still there when the click arrives.
list.addEventListener('mousedown', event => event.preventDefault());

/* `/` goes to the search box; arrows walk the results of a page. */
document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.closest('input, textarea, select');
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (
    (event.key === 'ArrowDown' || event.key === 'ArrowUp') &&
    (!isTyping || event.target === input)
  ) {
    if (event.defaultPrevented) return;
    const links = [...document.querySelectorAll('[data-walk] > li > a')];
    const from = links.indexOf(document.activeElement);
    if (from === -1 && event.target !== input) return;
    event.preventDefault();
    const to = from + (event.key === 'ArrowDown' ? 1 : -1);
    if (to < 0) input.focus();
    else links[to]?.focus();
  }
});

/* Folds that are filled when they are first opened. The event does not bubble, so it is caught on its way down. */
document.addEventListener(
  'toggle',
  async event => {
    const fold = event.target;
    const address = fold.open ? fold.dataset.fold : undefined;
    if (!address || fold.ariaBusy === 'true') return;
    const content = fold.querySelector(':scope > :not(summary)');
    // What could not be shown keeps its link, and is asked for again.
    const fail = text => {
      content.replaceChildren(`${text} `, content.querySelector('a'));
      announce(text);
    };
    fold.ariaBusy = 'true';
    try {
      const response = await fetch(address);
      if (!response.headers.get('content-type')?.startsWith('text/html'))
        throw new Error(response.statusText);
      const filled = document.createElement('div');
      filled.innerHTML = await response.text();
      if (response.ok) {
        content.replaceWith(filled);
        delete fold.dataset.fold;
      } else fail(filled.textContent.trim());
    } catch {
      fail('It could not be loaded.');
    }
    fold.ariaBusy = null;
  },
  true,
);

/* The scan's progress: asked again while it runs. */
const POLL_MS = 1000;
for (const block of document.querySelectorAll('[data-poll]')) {
  const poll = async () => {
    try {
      const response = await fetch(block.dataset.poll);
      if (response.ok) block.innerHTML = await response.text();
    } catch {
      // The server may be restarting: the next round tells.
    }
    if (block.querySelector('[data-running]')) setTimeout(poll, POLL_MS);
    else announce(block.textContent.replace(/\s+/g, ' ').trim());
  };
  if (block.querySelector('[data-running]')) setTimeout(poll, POLL_MS);
}
