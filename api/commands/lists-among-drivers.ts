/** Takes tag lists that were named among the drivers for what they are: a localtag.txt is the scan of another day. */
import { open } from 'node:fs/promises';

/** Enough to tell a text from an image. */
const LOOKED_AT_BYTES = 4096;

/** The paths, parted. What is no readable file stays among the drivers: whoever scans them says what is wrong. */
export async function listsAmongDrivers(
  paths: readonly string[],
): Promise<{ drivers: string[]; lists: string[] }> {
  const areLists = await Promise.all(paths.map(isTextFile));
  return {
    drivers: paths.filter((_, i) => !areLists[i]),
    lists: paths.filter((_, i) => areLists[i]),
  };
}

async function isTextFile(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    if (!(await file.stat()).isFile()) return false;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LOOKED_AT_BYTES), 0, LOOKED_AT_BYTES, 0);
    const bytes = buffer.subarray(0, bytesRead);
    return bytesRead > 0 && !isImage(bytes) && (isUtf16(bytes) || !bytes.includes(0));
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

function isImage(bytes: Buffer): boolean {
  return bytes[0] === 0x4d && bytes[1] === 0x5a && bytes.includes(0);
}

function isUtf16(bytes: Buffer): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}
