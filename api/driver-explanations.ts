/** DriverExplanations: how a scan knows that a driver uses a tag, worked out from the driver's file when somebody asks. */
import type { DriverIdentity } from '../data/facts.ts';
import { type PoolTag, tagText } from '../data/pool-tag.ts';
import type { TagExplanation } from '../scanner/explain/tag-explanation.ts';
import type { LaneResult, ScanLane } from '../scanner/files/scan-lane.ts';
import type { Links } from './answer-document.ts';
import { driverLinks, explanationLinks } from './answer-links.ts';
import type { Catalogue } from './catalogue.ts';
import type { CatalogueDriver } from './driver-list.ts';
import { explainReadings, meantExplanation } from './explain-readings.ts';
import { otherUsesInWords } from './other-tag-words.ts';
import { PooltagError } from './pooltag-error.ts';
import { problemOfReadings } from './tag-problem.ts';

/** An explanation with whose it is and where it is found. */
export interface DriverExplanation extends TagExplanation {
  driver: Pick<DriverIdentity, 'fileName' | 'sha256' | 'arch'>;
  links: Links;
}

/** What is given to the workers, as to those of the scan. */
export interface ExplanationSettings {
  cacheFolder: string | null;
  symbolFolders: readonly string[];
}

/** Explanations that are kept, of 10 to 60 KB each: as many as somebody reads in a day. */
const MAX_KEPT = 200;
/** Requests that may wait for their turn, each of which takes up to a few seconds; the next is told to come again. */
const MAX_WAITING = 16;

/** Works out one explanation at a time, in a worker within the limits of a scan, and keeps the last ones. */
export class DriverExplanations {
  readonly #catalogue: Catalogue;
  readonly #settings: ExplanationSettings;
  readonly #maxWaiting: number;
  /** By driver and tag, the one asked for longest ago first; those being made are among them. */
  readonly #kept = new Map<string, Promise<TagExplanation>>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  #lane: ScanLane | undefined;

  constructor(
    catalogue: Catalogue,
    settings: ExplanationSettings = { cacheFolder: null, symbolFolders: [] },
    { maxWaiting = MAX_WAITING } = {},
  ) {
    this.#catalogue = catalogue;
    this.#settings = settings;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Explains a tag, in any spelling, or the wildcard of a computed family, of a scanned driver. Throws a PooltagError: `invalid-tag`, `unknown-driver`,
   * `tag-not-in-driver`, `driver-file-gone`, `explanation-failed`, `explanations-busy`.
   */
  async explain(sha256: string, input: string): Promise<DriverExplanation> {
    const scanned = this.#catalogue.driver(sha256);
    if (scanned === undefined) {
      const message = `No scanned driver has the SHA-256 ${sha256}. Start Pooltag with the folder that holds the file.`;
      throw new PooltagError('unknown-driver', message);
    }
    const { tag, isExact } = tagOf(scanned, input);
    const { fileName, arch } = scanned.driver;
    const explanation = meantExplanation(await this.#explanationOf(scanned, tag), isExact);
    if (explanation === null) throw notFoundAgain(scanned.driver);
    return {
      ...explanation,
      driver: { fileName, sha256, arch },
      links: explanationLinks(sha256, tag, explanation.isPattern),
    };
  }

  #explanationOf(scanned: CatalogueDriver, tag: PoolTag): Promise<TagExplanation> {
    const key = `${scanned.driver.sha256} ${tag}`;
    const kept = this.#kept.get(key) ?? this.#inTurn(() => this.#explainFile(scanned, tag));
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    // The file may come back, or be quicker to read next time.
    kept.catch(() => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    return kept;
  }

  /** Gives up the explanation that is being made. */
  async close(): Promise<void> {
    const lane = this.#lane;
    this.#lane = undefined;
    await lane?.close();
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#maxWaiting) {
      const message = `${this.#waiting} explanations are being worked out before this one. Ask again in a few seconds.`;
      throw new PooltagError('explanations-busy', message);
    }
    this.#waiting++;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  async #explainFile({ driver, services }: CatalogueDriver, tag: PoolTag): Promise<TagExplanation> {
    const path = this.#catalogue.fileOf(driver.sha256);
    if (path === undefined) throw fileGone(driver, 'is not on this computer, or not where it was scanned');
    const { ScanLane } = await import('../scanner/files/scan-lane.ts');
    this.#lane = new ScanLane({ ...this.#settings, explain: [tag] });
    try {
      return explanationIn(await this.#lane.scan({ path, isNamed: true, services }), driver);
    } finally {
      await this.close();
    }
  }
}

function explanationIn({ outcome, explanation }: LaneResult, driver: DriverIdentity): TagExplanation {
  if (outcome.status === 'refused' && outcome.reason.code === 'scan-failed') {
    throw new PooltagError('explanation-failed', `${driver.fileName}: ${outcome.reason.message}`);
  }
  const isRead = outcome.status === 'scanned' || outcome.reason.code !== 'unreadable';
  if (!isRead) throw fileGone(driver, 'is no longer there or cannot be read');
  if (outcome.status === 'refused' || outcome.driver.sha256 !== driver.sha256)
    throw fileGone(driver, 'has changed since it was scanned');
  if (explanation === null || explanation === undefined) {
    throw notFoundAgain(driver);
  }
  return explanation;
}

function notFoundAgain({ fileName }: DriverIdentity): PooltagError {
  return new PooltagError('explanation-failed', `${fileName}: the second scan did not find the tag.`);
}

/** Says nothing of where the file lies: whoever asks may be anybody. */
function fileGone({ fileName }: DriverIdentity, what: string): PooltagError {
  const message = `The file ${fileName} ${what}. Start Pooltag again with the folder that holds it.`;
  return new PooltagError('driver-file-gone', message);
}

/**
 * The reading of the input that the driver uses. A pattern is one where the driver has a tag with these very characters, or
 * where the scan gave it as the name of a family.
 */
function tagOf(
  { driver, sightings, otherTags = [] }: CatalogueDriver,
  input: string,
): { tag: PoolTag; isExact: boolean } {
  const read = explainReadings(input);
  if ('kind' in read) throw new PooltagError('invalid-tag', problemOfReadings(input, read).message);
  const { tags, pattern } = read;
  const isExact = pattern === undefined;
  const used = new Set(sightings.flatMap(({ tag, isPattern }) => (isExact && isPattern ? [] : [tag])));
  const found = tags.find(tag => used.has(tag));
  if (found !== undefined) return { tag: found, isExact };
  if (!isExact)
    throw new PooltagError('invalid-tag', problemOfReadings(input, { kind: 'pattern', pattern }).message);
  const { fileName } = driver;
  const [other] = tags.flatMap(tag => otherTags.filter(one => one.tag === tag));
  const otherwise = other === undefined ? '' : `; ${otherUsesInWords([{ fileName, kind: other.kind }])}`;
  const shown = tagText(other?.tag ?? tags[0]);
  const message = `${fileName} has no site of ${shown}${otherwise}. GET ${driverLinks(driver.sha256).self} lists the tags that it uses.`;
  throw new PooltagError('tag-not-in-driver', message);
}
