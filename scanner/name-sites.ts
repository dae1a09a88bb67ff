/** Names the call sites of a driver by its symbols, as a debugger writes them: `MyDrv!AllocateContext+0x2c`. */
import type { TagSighting } from '../data/facts.ts';
import type { DriverSymbols } from './pdb/driver-symbols.ts';

/**
 * Fills `symbol` and `wrapperSymbols` of all evidence. The module is the file's name without its extension;
 * `functionAt` says where the function that holds a site begins, as far as the analysis knows.
 */
export function nameSites(
  sightings: readonly TagSighting[],
  symbols: Pick<DriverSymbols, 'nameOf'>,
  fileName: string,
  functionAt: (siteRva: number) => number | undefined,
): void {
  const module = fileName.replace(/(?<=.)\.[^.]*$/, '');
  const nameOf = (rva: number, functionRva?: number): string | null => {
    const place = symbols.nameOf(rva, functionRva);
    if (place === undefined) return null;
    return `${module}!${place.name}${place.offset === 0 ? '' : `+0x${place.offset.toString(16)}`}`;
  };
  for (const one of sightings.flatMap(({ evidence }) => evidence)) {
    const symbol = one.rva === undefined ? null : nameOf(one.rva, functionAt(one.rva));
    if (symbol !== null) one.symbol = symbol;
    const wrappers = one.wrappers?.map(rva => nameOf(rva, rva));
    if (wrappers?.some(name => name !== null)) one.wrapperSymbols = wrappers;
  }
}
