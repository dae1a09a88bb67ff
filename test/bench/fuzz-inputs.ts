/** The drivers that are damaged where none are named: small committed ones and three of 300 KB, one for each processor. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { committedDrivers } from './made-drivers/driver-folder.ts';
import { grownDriver } from './made-drivers/made-driver.ts';
import { mutateDriver } from './mutate-driver.ts';

/** Each is grown to the size of a usual driver. */
const GROWN = ['wrappers.x64.gcc.O2.sys', 'wrappers.x86.clang.O0.sys', 'wrappers.arm64.clang.O0.sys'];
const GROWN_BYTES = 300_000;
/** One image in so many is a damaged large one. */
const GROWN_EVERY = 4;

export interface Input {
  name: string;
  bytes: Uint8Array;
}

export class FuzzInputs {
  readonly #small: readonly Input[];
  readonly #grown: readonly Input[];

  /** `paths` of drivers to damage instead of our own. */
  constructor(paths: readonly string[]) {
    if (paths.length > 0) {
      this.#small = paths.map(path => ({ name: basename(path), bytes: new Uint8Array(readFileSync(path)) }));
      this.#grown = [];
      return;
    }
    this.#small = committedDrivers();
    this.#grown = this.#small
      .filter(({ name }) => GROWN.includes(name))
      .map(({ name, bytes }, i) => ({
        name: `grown-${name}`,
        bytes: grownDriver(bytes, i, { bytes: GROWN_BYTES, tags: 20 }),
      }));
  }

  /** The damaged image of a seed. */
  damaged(seed: number): Input {
    const isGrown = this.#grown.length > 0 && seed % GROWN_EVERY === 0;
    const pool = isGrown ? this.#grown : this.#small;
    const at = Math.floor(seed / (isGrown ? GROWN_EVERY : 1));
    const { name, bytes } = pool[at % pool.length];
    const other = this.#small[(at * 7 + 1) % this.#small.length];
    return { name, bytes: mutateDriver(bytes, seed, other.bytes) };
  }
}

/** What became of an image, in a few words. Throws where the scanner does. */
export function outcomeOf({ name, bytes }: Input): string {
  const outcome = scanDriver(bytes, { fileName: name, sha256: '0'.repeat(64) });
  if (outcome.status === 'refused') return `refused: ${outcome.reason.code}`;
  const fault = outcome.remarks.find(remark => remark.includes('fault of this program'));
  if (fault !== undefined) throw new Error(fault);
  return outcome.partial ? 'scanned in part' : 'scanned';
}
