/** What the parts of the page's script share: its content, and the line that is read aloud. */

export const announce = text => {
  document.querySelector('[data-announce]').textContent = text;
};
export const main = document.querySelector('main');
