/** Builds resource sections with version resources, as tiny as they can be. */
import { ByteWriter } from './byte-writer.ts';

export interface TinyVersion {
  language: number;
  /** a.b.c.d of the fixed part; left out, the resource has none. */
  fixed?: [number, number, number, number];
  /** Per string table (`040904b0`): the strings. */
  tables: Record<string, Record<string, string>>;
}

/** A resource section: a manifest that is in the way, then one version resource per language. */
export function resourceSection(rva: number, versions: readonly TinyVersion[]): Uint8Array {
  const w = new ByteWriter(rva);
  const offset = () => w.here - rva;
  const table = (entries: number) => w.u32(0, 0, 0).u16(0, entries);
  table(2).u32(16, 0x80000020, 24, 0x80000038);
  // Type 16: one name, of which each language is an entry.
  table(1).u32(1, 0x80000000 + 0x50);
  table(0).u32(0, 0);
  table(versions.length);
  const languages = w.here;
  for (const { language } of versions) w.u32(language, 0);
  versions.forEach((version, index) => {
    const data = versionInfo(version);
    w.align(4).patchU32(languages + index * 8 + 4, offset());
    w.u32(w.here + 16, data.length, 0, 0).raw(data);
  });
  return w.bytes;
}

/** VS_VERSIONINFO on its own. */
export function versionInfo({ fixed, tables }: TinyVersion): Uint8Array {
  const w = new ByteWriter(0);
  const node = (key: string, valueLength: number, isText: boolean, write: () => void) => {
    const start = w.align(4).here;
    w.u16(0, valueLength, isText ? 1 : 0)
      .wide(key)
      .align(4);
    write();
    w.patchU16(start, w.here - start);
  };
  node('VS_VERSION_INFO', fixed ? 52 : 0, false, () => {
    if (fixed) {
      const [a, b, c, d] = fixed;
      w.u32(0xfeef04bd, 0x10000, (a << 16) | b, (c << 16) | d, ...new Array(9).fill(0));
    }
    node('VarFileInfo', 0, true, () => node('Translation', 4, false, () => w.u16(0x409, 1200)));
    node('StringFileInfo', 0, true, () => {
      for (const [key, strings] of Object.entries(tables)) {
        node(key, 0, true, () => {
          for (const [name, value] of Object.entries(strings)) {
            node(name, value.length + 1, true, () => w.wide(value));
          }
        });
      }
    });
  });
  return w.bytes;
}
