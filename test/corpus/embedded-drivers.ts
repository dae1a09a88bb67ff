/** `embedded-drivers.ts OUTDIR FILE...`: writes the kernel images that stand in other files (DLLs and installers carry drivers). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const SUBSYSTEM_NATIVE = 1;
const [out, ...files] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
for (const file of files) {
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf('MZ'); at >= 0; at = bytes.indexOf('MZ', at + 2)) {
    const size = kernelImageSize(bytes.subarray(at));
    if (size === undefined) continue;
    const name = `${path.basename(file)}-${at.toString(16)}.sys`;
    writeFileSync(path.join(out, name), bytes.subarray(at, at + size));
  }
}

/** Bytes up to the end of the last section or of the signature; undefined where no kernel image begins. */
function kernelImageSize(bytes: Buffer): number | undefined {
  const header = bytes.length < 64 ? 0 : bytes.readUInt32LE(60);
  if (header < 64 || header > 4096 || header + 0x200 > bytes.length) return undefined;
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0') return undefined;
  if (bytes.readUInt16LE(header + 0x5c) !== SUBSYSTEM_NATIVE) return undefined;
  const optional = header + 24;
  const isWide = bytes.readUInt16LE(optional) === 0x20b;
  const certificates = optional + (isWide ? 112 : 96) + 8 * 4;
  const ends = [bytes.readUInt32LE(certificates) + bytes.readUInt32LE(certificates + 4)];
  const table = optional + bytes.readUInt16LE(header + 20);
  for (let n = 0; n < bytes.readUInt16LE(header + 6); n++) {
    const section = table + 40 * n;
    ends.push(bytes.readUInt32LE(section + 16) + bytes.readUInt32LE(section + 20));
  }
  return Math.min(Math.max(...ends), bytes.length);
}
