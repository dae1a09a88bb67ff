/** TagExplanation: how a scan knows that a driver uses a tag, site by site, with the code that shows it. */
import type { Evidence } from '../../data/facts.ts';
import type { PoolTag } from '../../data/pool-tag.ts';

/** Addresses are RVAs. */
export interface TagExplanation {
  tag: PoolTag;
  id: string;
  /** One character is computed from a number that is not known; `?` stands for it. */
  isPattern?: true;
  /** Strongest first; not all of them where there are many. */
  sites: ExplainedSite[];
  /** How many more sites there are. */
  moreSites: number;
  /** The driver's own functions that pass the tag on, where the sites name some: the call in each that does so. */
  wrappers: CodeListing[];
  /** Where the name of a family is a tag of the driver as well, with a `?` of its own: that tag. */
  also?: TagExplanation;
}

export interface ExplainedSite {
  evidence: Evidence;
  /** From where the constant stands to the function that takes it. */
  steps: PathStep[];
  /** The code around the call first, then code elsewhere that carried the constant. */
  listings: CodeListing[];
}

/** One step of a constant on its way to the function that takes the tag. */
export interface PathStep {
  kind: 'constant' | 'computed' | 'carried' | 'call' | 'wrapper' | 'function';
  /** Where it happens; null for what happens outside of the driver. */
  rva: number | null;
  /** In words, without the address and the instruction. */
  text: string;
  /** The instruction that does it; null where there is none. */
  instruction: string | null;
}

/** Some instructions of one function, in the order of their addresses. */
export interface CodeListing {
  functionRva: number;
  lines: ListingLine[];
}

export interface ListingLine {
  rva: number;
  /** As they stand in memory: `41 b8 54 43 6f 6e`. */
  bytes: string;
  /** `mov r8d,6E6F4354h`. */
  text: string;
  /** What the instruction holds or refers to: the tag, an import. */
  note: string | null;
  /** What the line is on the way of the constant. */
  role: 'constant' | 'carries' | 'call' | null;
  /** Instructions are left out before it. */
  isAfterGap: boolean;
}
