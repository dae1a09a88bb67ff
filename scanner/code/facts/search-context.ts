/** What the parts of the search for call sites share: the function at hand, what is known so far, where to look next. */

import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { CallTargets } from './call-targets.ts';
import type { CallbackRegistrations } from './callback-registrations.ts';
import type { OperationsTables } from './operations-tables.ts';
import type { StoredTags } from './stored-tags.ts';
import type { Worklist } from './worklist.ts';

export interface SearchContext {
  readonly code: CodeUnderAnalysis;
  readonly fn: AnalysedFunction;
  /** What the kernel calls with what it was given. */
  readonly registrations: CallbackRegistrations;
  /** Which functions and variables lead to a pool function. */
  readonly targets: CallTargets;
  /** Which of them stand in tables and objects. */
  readonly tables: OperationsTables;
  /** Which variables and fields are read as tags. */
  readonly stored: StoredTags;
  readonly worklist: Worklist;
}
