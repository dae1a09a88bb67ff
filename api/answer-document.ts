/** The one answer document to "who owns tag X?"; text, JSON and page are views of it. */
import type {
  Evidence,
  EvidenceKind,
  KnowledgeEntry,
  OtherTagKind,
  SightingSummary,
  SourceRef,
  Strength,
} from '../data/facts.ts';
import type { AffectedProduct } from '../data/knowledge-shapes.ts';
import type { LeakVerdict } from './leak-applies.ts';

/** Which spelling was taken for the input. */
export interface Reading {
  /** As given. */
  input: string;
  /** `plain`, `source literal`, `reversed`, `ULONG`, `bytes in memory order`, `padded with blanks`, `padded with NUL`, ... */
  as: string;
  /** True where the reading is the plain one, so that nothing needs saying. */
  isPlain: boolean;
  /** Other readings that name a known tag. */
  also: { as: string; tag: string; links: Links }[];
}

export interface Links {
  self: string;
  page: string;
}

export interface Owner {
  image: string | null;
  component: string | null;
  meaning: string | null;
  note?: string;
  strength: Strength;
  /** The wildcard entry that covers the tag, where it is not the tag's own entry. */
  matched?: string;
  sources: SourceRef[];
}

export interface SightingView {
  driver: SightingSummary['driver'];
  strength: Exclude<Strength, 'written'>;
  kinds: EvidenceKind[];
  sites: number;
  protected: boolean;
  firstSites: SiteView[];
  links: Links;
}

/** A site as the answer to a tag shows it. */
type SiteView = Pick<
  Evidence,
  'kind' | 'api' | 'rva' | 'functionRva' | 'structure' | 'pool' | 'sizeBytes' | 'symbol'
>;

/** A driver that uses the tag for something else than pool memory, and for that alone: no owner. */
export interface OtherUse {
  driver: Pick<SightingSummary['driver'], 'fileName' | 'sha256' | 'isSample'>;
  kind: OtherTagKind;
  sites: number;
  links: Links;
}

export interface Advice {
  kind:
    | 'owner-is-not-culprit'
    | 'next-step'
    | 'unknown-tag'
    | 'shared-default'
    | 'verifier-stand-in'
    | 'disagreement';
  text: string;
  /** Commands or deeds, in order. */
  steps: string[];
  /** Id of a guide, where one goes deeper. */
  guide?: string;
  sources: SourceRef[];
}

export interface ArticleView {
  id: string;
  title: string;
  products: string[];
  /** The products with the versions that have the fault. */
  affected: AffectedProduct[];
  symptom: string | null;
  cause: string;
  remedy: string | null;
  status: string;
  supersededBy: string[];
  note?: string;
  /** Whether it concerns the machine: by what was said of it, and the drivers that were scanned. */
  applies: LeakVerdict;
  sources: SourceRef[];
}

/** Another tag worth a look, with its answer in short. */
export interface TagPointer {
  tag: string;
  id: string;
  summary: string;
  links: Links;
}

/** A known tag. Owners are ranked; what is written stands beside what was seen. */
export interface TagAnswer {
  found: true;
  reading: Reading;
  tag: string;
  id: string;
  ulong: string;
  literal: string;
  bytes: string;
  /** One sentence: meaning and owner. */
  summary: string;
  strength: Strength;
  owners: Owner[];
  /** Every list entry as it stands in its list, ours and the user's. */
  knowledge: KnowledgeEntry[];
  sightings: SightingView[];
  /** Absent where there are none. */
  otherUses?: OtherUse[];
  advice: Advice[];
  articles: ArticleView[];
  caseVariants: TagPointer[];
  near: TagPointer[];
  /** Tags that tend to grow along with this one. */
  companions: TagPointer[];
  links: Links;
}

/** A well-formed tag that nothing knows. */
export interface UnknownTagAnswer {
  found: false;
  reading: Reading;
  tag: string;
  id: string;
  ulong: string;
  literal: string;
  bytes: string;
  summary: string;
  /** Absent where there are none. */
  otherUses?: OtherUse[];
  suggestions: (TagPointer & { why: string })[];
  advice: Advice[];
  links: Links;
}
