/** The one answer document to "what is leaking?"; text, JSON, CSV, HTML and page are views of it. */
import type { LeakReport, TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import type { Advice, ArticleView, Links, Owner, SightingView } from '../answer-document.ts';

/** One tag in one pool: its numbers and verdict, and who owns it. */
export interface TagView extends Omit<TagTrend, 'tag'> {
  tag: string;
  /** Hex of the bytes in memory order; a tag can be any four of them. */
  id: string;
  /** Place in the ranking over all tags, from 1 on, whatever was filtered and however it is sorted. */
  rank: number;
  /** Meaning and owner in one sentence; null where nobody knows the tag. */
  summary: string | null;
  owners: Owner[];
  links: Links;
}

/** A tag that deserves the reader's attention, with all that is known of it. */
export interface SuspectView extends TagView {
  sightings: SightingView[];
  advice: Advice[];
  /** Known leaks of the tag that may concern this machine. */
  articles: ArticleView[];
  /** Tags that rise along with it, itself left out. */
  risesWith: { tag: string; pool: Pool; links: Links }[];
}

/** A command or deed for the reader, with what it is for. */
export interface NextStep {
  text: string;
  /** To be pasted as it is; absent for a deed. */
  command?: string;
}

export interface LeakAnswer {
  /** The first line that people read: what leaks, how fast, and who owns it; or that nothing does, or cannot be told. */
  headline: string;
  /** Further sentences: how much pool is used, how long it lasts, what the comparison is worth. */
  summary: string[];
  snapshots: LeakReport['snapshots'];
  compared: number;
  spanHours?: number;
  confidence: number;
  falseRate: number;
  /** The most suspicious first; none where nothing deserves it. */
  suspects: SuspectView[];
  groups: { head: { tag: string; pool: Pool }; members: { tag: string; pool: Pool }[]; reason: string }[];
  nextSteps: NextStep[];
  /** Tags that the filters let through, sorted as asked, at most as many as asked for. */
  tags: TagView[];
  /** How many tags the filters let through, and how many there are. */
  matchingTags: number;
  totalTags: number;
  /** How many of all tags have each verdict. */
  verdicts: Record<TagTrend['verdict'], number>;
  /** Tags that no list, no knowledge and no scan knows. */
  unknownTags: number;
  memory: LeakReport['memory'];
  processes: LeakReport['processes'];
  verifier: LeakReport['verifier'];
  blocks: LeakReport['blocks'];
  thinnedTo?: number;
  remarks: LeakReport['remarks'];
  moreRemarks: number;
}
