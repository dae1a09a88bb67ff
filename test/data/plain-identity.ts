/** The facts of a driver that most tests do not ask about. */
import type { DriverIdentity } from '../../data/facts.ts';

/** An identity in which every fact is absent that a file may lack. */
export const NO_FACTS = {
  linkDate: null,
  company: null,
  product: null,
  description: null,
  version: null,
  originalName: null,
  pdbName: null,
  pdbId: null,
  buildHash: null,
  hybrid: null,
  frameworks: [],
  imports: [],
  poolFunctions: [],
  signature: null,
} satisfies Partial<DriverIdentity>;
