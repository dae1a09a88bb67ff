/** Drivers with a tag that has a real `?` among its characters: built ones, of which one constant is replaced. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectFile } from '../../data/project-files.ts';

const OLD_TAG = 'VfB0';

/** x64, with `Rx??` in place of a tag; no family is spelled so. */
export function driverWithMarks(folder: string): string {
  const bytes = builtDriver('value-flow.x64.clang.O2.sys');
  for (let at = bytes.indexOf(OLD_TAG); at >= 0; at = bytes.indexOf(OLD_TAG))
    bytes.write('Rx??', at, 'latin1');
  return written(folder, 'marks.sys', bytes);
}

/** ARM64, with a tag that is spelled like the wildcard of the driver's family: `OfN?`. */
export function driverWithBoth(folder: string): string {
  const bytes = builtDriver('open-family.arm64.clang.O0.sys');
  // movk wN, #'Sa', lsl #16, which completes the driver's other tag.
  const movk = (half: string) => 0x72a00000 + Buffer.from(half).readUInt16LE() * 32;
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const word = bytes.readUInt32LE(at);
    if (word - (word % 32) === movk('Sa')) bytes.writeUInt32LE(movk('N?') + (word % 32), at);
  }
  return written(folder, 'both.sys', bytes);
}

function builtDriver(name: string): Buffer {
  return readFileSync(projectFile('test', 'drivers', 'built', name));
}

function written(folder: string, name: string, bytes: Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}
