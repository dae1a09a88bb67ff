/** explainTag: how a scan knows that a driver uses a tag, with the instructions that show it. Pure but for iced-x86. */
import type { Evidence, ScannedDriver, TagSighting } from '../data/facts.ts';
import { type PoolTag, tagText, tagToUlong } from '../data/pool-tag.ts';
import { analyseCode } from './code/analyse-code.ts';
import type { TagUse } from './code/facts/tag-use.ts';
import { openDisassembler } from './disassembly/open-disassembler.ts';
import { isUseOf, sightingsOf } from './explain/computed-family.ts';
import { FunctionInstructions } from './explain/function-instructions.ts';
import { SiteExplainer } from './explain/site-explainer.ts';
import type { TagExplanation } from './explain/tag-explanation.ts';
import type { PublicSymbols } from './pdb/public-symbols.ts';
import { readDriverImage } from './pe/driver-image.ts';

/** Nobody reads more; a tag has a handful of sites, and very few have hundreds. */
const MAX_SITES = 12;

/**
 * Explains every site of a tag, or of the wildcard of a computed family (`Sw1?`), the strongest first, up to a bound. `scanned` is what {@link scanDriver} said of the very
 * same bytes, and `symbols` those of its build. Undefined where it has no site of the tag.
 */
export async function explainTag(
  bytes: Uint8Array,
  scanned: ScannedDriver,
  tag: PoolTag,
  symbols?: PublicSymbols,
): Promise<TagExplanation | undefined> {
  const sightings = sightingsOf(scanned.sightings, tag);
  const image = readDriverImage(bytes);
  if (sightings.length === 0 || 'code' in image) return undefined;
  const { fileName } = scanned.driver;
  const { uses } = analyseCode(image, fileName, { isTraced: true });
  const disassembler = await openDisassembler(image, { fileName, symbols });
  const instructions = new FunctionInstructions(image);
  try {
    const [first, also] = sightings.map(sighting => {
      const isPattern = sighting.isPattern === true;
      const names = {
        quoted: `'${tagText(tag)}'`,
        // The byte of a wildcard's `?` stands nowhere.
        ulong: isPattern ? undefined : tagToUlong(tag),
      };
      return explanationOf(sighting, uses, new SiteExplainer(image, instructions, disassembler, names));
    });
    return also === undefined ? first : { ...first, also };
  } finally {
    disassembler.close();
  }
}

function explanationOf(
  sighting: TagSighting,
  uses: readonly TagUse[],
  explainer: SiteExplainer,
): TagExplanation {
  const usesBySite = new Map<string, TagUse[]>();
  for (const use of uses.filter(one => isUseOf(sighting, one))) {
    const key = siteKey(use.rva, use.callee.api, use.callee.wrappers.length);
    usesBySite.set(key, [...(usesBySite.get(key) ?? []), use]);
  }
  const { tag, id, isPattern, evidence } = sighting;
  const shown = evidence.slice(0, MAX_SITES);
  return {
    tag,
    id,
    ...(isPattern && { isPattern }),
    sites: shown.map(one => explainer.explain(one, usesBySite.get(keyOf(one))?.shift())),
    moreSites: evidence.length - shown.length,
    wrappers: explainer.wrapperListings(),
  };
}

function keyOf({ rva = 0, api = '', wrappers = [] }: Evidence): string {
  return siteKey(rva, api, wrappers.length);
}

/** What a scan tells sites of one tag apart by. */
function siteKey(rva: number, api: string, wrappers: number): string {
  return `${rva}:${api}:${wrappers}`;
}
