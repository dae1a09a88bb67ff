/** The files that the benches scan when they are given none: committed test drivers, grown to the sizes of real ones. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFile } from '../../../data/project-files.ts';
import { grownDriver, madeDriver } from './made-driver.ts';
import { Random } from './random.ts';

/** Half of a drivers folder is below 100 KB, a few files have megabytes; 450 files then hold about 135 MB. */
const MEDIAN_BYTES = 141_000;
const SIZE_SPREAD = 1.25;
const LEAST_BYTES = 20_000;
const MOST_BYTES = 6_000_000;
const MOST_TAGS = 60;
/** Every seventh file is for x86 and every ninth for ARM64: the rest is what runs today. */
const X86_EVERY = 7;
const ARM64_EVERY = 9;

const BUILT = projectFile('test', 'drivers', 'built');

/** The committed drivers, by name. */
export function committedDrivers(): { name: string; bytes: Uint8Array }[] {
  return readdirSync(BUILT)
    .filter(name => name.endsWith('.sys'))
    .sort()
    .map(name => ({ name, bytes: new Uint8Array(readFileSync(join(BUILT, name))) }));
}

/** Fills a folder with `count` drivers, the same for the same seed. */
export function writeDriverFolder(folder: string, count: number, seed: number): void {
  mkdirSync(folder, { recursive: true });
  const random = new Random(seed);
  const drivers = committedDrivers();
  for (let i = 0; i < count; i++) {
    const arch = i % X86_EVERY === 0 ? 'x86' : i % ARM64_EVERY === 0 ? 'arm64' : 'x64';
    const { name, bytes } = random.pick(drivers.filter(driver => driver.name.includes(`.${arch}.`)));
    const wanted = random.logNormal(MEDIAN_BYTES, SIZE_SPREAD);
    const size = {
      bytes: Math.min(MOST_BYTES, Math.max(LEAST_BYTES, wanted)),
      tags: 1 + random.below(MOST_TAGS),
    };
    const file = `${String(i).padStart(3, '0')}-${name}`;
    writeFileSync(join(folder, file), grownDriver(bytes, seed * 1000 + i, size));
  }
}

/** 8 MB with 24,000 functions and about 12,000 tags: as heavy as drivers come. */
export function bigDriver(): Uint8Array {
  return madeDriver(1, {
    bytes: 8_000_000,
    functions: 24_000,
    medianFunction: 178,
    tagShare: 0.33,
    tags: 12_000,
  });
}

/** A test driver for x64 of 300 KB, with the handful of tags that such a driver has. */
export function usualDriver(): Uint8Array {
  const { bytes } = committedDrivers().find(({ name }) => name === 'disk-filter.x64.clang.O2.sys')!;
  return grownDriver(bytes, 1, { bytes: 300_000, tags: 12 });
}
