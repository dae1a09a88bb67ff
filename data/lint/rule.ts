/** What a knowledge rule is, and what it sees. */
import type { GuideFile } from '../knowledge-guides.ts';
import type {
  AdviceFile,
  ComponentFile,
  KnowledgeFileEntry,
  LeaksFile,
  SourcesFile,
  WindowsBuildsFile,
} from '../knowledge-shapes.ts';

/** Everything the rules look at, as the files have it. */
export interface KnowledgeBase {
  components: { file: string; content: ComponentFile }[];
  leaks: LeaksFile;
  advice: AdviceFile;
  sources: SourcesFile;
  windowsBuilds: WindowsBuildsFile;
  guides: GuideFile[];
}

/** A fault: where, and what to change. */
export interface Finding {
  /** `ntfs.json`. */
  file: string;
  /** A tag, an id, or the empty string for the file as a whole. */
  entry: string;
  message: string;
}

/** A rule that looks at one entry at a time. */
export interface EntryRule {
  /** Kebab-case: it stands in exceptions and in the output. */
  name: string;
  scope: 'entry';
  check(entry: KnowledgeFileEntry, component: ComponentFile, base: KnowledgeBase): string[];
}

/** A rule that needs to see everything. */
export interface BaseRule {
  name: string;
  scope: 'base';
  check(base: KnowledgeBase): Finding[];
}

export type Rule = EntryRule | BaseRule;

/** All findings of one rule. */
export function runRule(rule: Rule, base: KnowledgeBase): Finding[] {
  if (rule.scope === 'base') return rule.check(base);
  return base.components.flatMap(({ file, content }) =>
    content.entries.flatMap(entry =>
      rule.check(entry, content, base).map(message => ({ file, entry: entry.tag, message })),
    ),
  );
}
