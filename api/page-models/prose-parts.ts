/** Plain sentences of the knowledge base, in which backticks mark what is typed: `!poolused 2`. */

/** A run of words, or something to type. */
export interface ProsePart {
  text: string;
  isCode: boolean;
}

/** The runs of a text; none for a missing one. A backtick without its partner stays a backtick. */
export function proseParts(text: string | null | undefined): ProsePart[] {
  return (text ?? '')
    .split(/`([^`\n]+)`/)
    .map((run, index) => ({ text: run, isCode: index % 2 === 1 }))
    .filter(part => part.text !== '');
}
