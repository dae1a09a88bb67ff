/** In which order the evidence of a tag stands. */
import { EVIDENCE_KINDS, type Evidence } from '../data/facts.ts';

/** For sort: the strongest kind first, equals by their address. */
export function byStrength(a: Evidence, b: Evidence): number {
  return EVIDENCE_KINDS.indexOf(a.kind) - EVIDENCE_KINDS.indexOf(b.kind) || (a.rva ?? 0) - (b.rva ?? 0);
}
