/** FormatReader: what the reader of one format offers to the one that hands out the lines. */
import type { PoolSnapshot } from './pool-snapshot.ts';

/** Lines come without their ends, never blank, with no-break spaces made plain where they stand for blanks. */
export interface FormatReader {
  /** Takes a title or header: it begins a snapshot of this format, or goes on with one. False for any other line. */
  header(line: string): boolean;
  /** Takes what is surely a row of the table that this reader began, before others are asked for headers. */
  plainRow?(line: string): boolean;
  /** Takes a line of the table that this reader began, as long as no other format's header has come. */
  row(line: string): boolean;
  /** Takes a line that is surely of this format although no header came before it. */
  loneRow?(line: string): boolean;
  /** The snapshot is complete: checks that need all of it. */
  finish?(snapshot: PoolSnapshot): void;
  /** No more lines come. */
  end?(): void;
}
