/** Stretches of code: what a function is made of. */
import type { Section } from '../../pe/image-facts.ts';
import type { ExceptionScope } from './exception-scopes.ts';

/** A stretch of code that belongs to one function; RVAs, end exclusive. */
export interface CodePiece {
  section: Section;
  beginRva: number;
  endRva: number;
  /** Parts of it that only an exception leads to. */
  scopes?: readonly ExceptionScope[];
}
