/** The version facts of an image: the best of its version resources, or none and a remark. */
import type { VersionFacts } from './image-facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';
import { readVersionResources } from './resource-section.ts';
import { languageRank, NO_VERSION, readVersionInfo } from './version-info.ts';

/** What the image says of its maker. A resource section that cannot be read costs these facts, never the file. */
export function readVersionFacts(
  memory: ImageMemory,
  directory: DataDirectory,
  remarks: string[],
): VersionFacts {
  try {
    const [best] = readVersionResources(memory, directory).sort(
      (a, b) => languageRank(a.language) - languageRank(b.language),
    );
    return best === undefined ? NO_VERSION : readVersionInfo(best.bytes);
  } catch {
    // pe-library throws errors of many kinds; all of them mean this one thing.
    remarks.push('The resource section could not be read; company, product and version are unknown.');
    return NO_VERSION;
  }
}
