/** Every entry says who owns the tag, or says that nobody in particular does and why. */
import type { EntryRule } from '../rule.ts';

/** `nt!ps`, `ntfs.sys`, `hal.dll`. */
const IMAGE = /^(nt![A-Za-z]+|[A-Za-z0-9_.-]+\.(sys|dll|exe|lib))$/;

export const ownerNamed: EntryRule = {
  name: 'owner-named',
  scope: 'entry',
  check(entry, component) {
    if (entry.image === undefined && component.image === null) {
      return [
        'The component has no image of its own, so the entry must name one, or null for nobody in particular.',
      ];
    }
    const images = [entry.image === undefined ? component.image : entry.image].flat();
    const wrong = images.filter(image => image !== null && !IMAGE.test(image));
    const messages = wrong.map(
      image => `${JSON.stringify(image)} is neither a part of the kernel (nt!ps) nor a file (ntfs.sys).`,
    );
    if (component.image !== null && entry.image === component.image)
      messages.push("The image is the component's: leave it out.");
    return messages;
  },
};
