/** A catalogue with the bundled knowledge and made-up drivers, so that every kind of page has something to show. */
import { Catalogue } from '../../api/catalogue.ts';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import type {
  DriverIdentity,
  Evidence,
  EvidenceKind,
  FileSignature,
  OtherTag,
  ScannedDriver,
  TagSighting,
} from '../../data/facts.ts';
import { type Knowledge, loadKnowledge } from '../../data/knowledge.ts';
import { type PoolTag, poolTag, tagId } from '../../data/pool-tag.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

/** A driver with few tags, with everything that a driver's page can show. */
export const CONTOSO_SHA256 = sha256Of('c0');
/** A driver with so many tags and sites that its page must stay small. */
export const KERNEL_SHA256 = sha256Of('4e');
/** A driver whose version resource and tags were made to break a page. */
export const HOSTILE_SHA256 = sha256Of('bad');
/** A tag that hundreds of drivers use. */
export const CROWDED_TAG = 'Crwd';
const CROWD = 300;

/** The catalogue, its scan finished unless `scan` says otherwise. */
export async function sampleCatalogue({ withDrivers = true } = {}): Promise<Catalogue> {
  const knowledge: Knowledge = loadKnowledge();
  const components = new Map(knowledge.components.map(({ id, title, vendor }) => [id, { title, vendor }]));
  const catalogue = await Catalogue.create({ knowledge, index: createEmbeddedIndex({ components }) });
  if (!withDrivers) return catalogue;
  const drivers = [contoso(), kernel(), hostile(), ...crowd()];
  catalogue.beginScan(drivers.length + 1);
  for (const driver of drivers) catalogue.addOutcome(driver);
  catalogue.addOutcome(sampleDriver(), { isSample: true });
  catalogue.addOutcome({
    status: 'refused',
    fileName: 'readme.sys',
    reason: { code: 'not-a-pe', message: 'The file does not begin with MZ.' },
  });
  await catalogue.endScan();
  return catalogue;
}

function contoso(): ScannedDriver {
  const driver = contosoDriver();
  return {
    ...driver,
    otherTags: [otherTag('CsRl', 'remove-lock', 2), otherTag('CsLk', 'object-reference', 1)],
  };
}

function otherTag(
  tag: string,
  kind: OtherTag['kind'],
  sites: number,
  api = 'ntoskrnl.exe!IoInitializeRemoveLockEx',
) {
  return { tag: poolTag(tag), id: tagId(poolTag(tag)), kind, api, rva: 0x1c40, sites };
}

function contosoDriver(): ScannedDriver {
  return scanned(
    {
      fileName: 'cstorflt.sys',
      sha256: CONTOSO_SHA256,
      company: 'Contoso Ltd',
      product: 'Contoso Storage',
      description: 'Contoso Storage Filter',
      version: '3.2.0.0',
    },
    [
      sighting('CsFl', sites('allocation-call', 12), sites('free-call', 11)),
      sighting('CsLk', sites('lookaside-init', 1)),
      sighting('CsWr', sites('wrapper-call', 4)),
      sighting('Cs  ', sites('allocation-call', 1)),
      sighting('Thre', sites('free-call', 2)),
      { ...sighting('CsPr', sites('allocation-call', 3)), protected: true },
      sighting('Cs\xe9\x01', sites('structure-field', 1)),
      sighting('Ntfx', sites('literal', 1)),
      sighting('MmSt', sites('literal', 2)),
    ],
  );
}

function kernel(): ScannedDriver {
  const named = ['Thre', 'Proc', 'File', 'MmSt', 'Irp ', 'CM31', 'ObNm', 'Even'];
  return scanned(
    {
      fileName: 'ntoskrnl.exe',
      sha256: KERNEL_SHA256,
      company: 'Microsoft Corporation',
      product: 'Microsoft® Windows® Operating System',
      description: 'NT Kernel & System',
      version: '10.0.26100.1',
    },
    [...named, ...manyTags('K', 900)].map((tag, n) => sighting(tag, sites('allocation-call', 1 + (n % 40)))),
  );
}

function manyTags(first: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${first}${n.toString(36).padStart(3, '0')}`);
}

function hostile(): ScannedDriver {
  const nasty = '<img src=x onerror=alert(1)>"\'&{{frame}}\u202e';
  return {
    ...scanned(
      {
        fileName: `${nasty}.sys`,
        sha256: HOSTILE_SHA256,
        company: nasty,
        product: nasty,
        description: nasty,
        version: nasty,
        originalName: nasty,
        pdbName: 'javascript:alert(1)',
        pdbId: nasty,
        buildHash: 'ab'.repeat(64),
        hybrid: 'ARM64X',
        frameworks: [{ id: nasty, name: nasty, version: nasty }],
        imports: Array.from({ length: 100 }, (_, n) => ({
          dll: `${nasty}${n}`,
          functions: 1,
          delayed: n > 50,
        })),
        poolFunctions: Array.from({ length: 100 }, (_, n) => `${nasty}!Ex${n}`),
        signature: { status: 'signed', signatures: Array.from({ length: 16 }, () => signature(nasty)) },
      },
      ['<b>"', '../.', '=1+1', "';--", '{{x}', '  \x1b[', '/?#:', '%00a', '&lt;'].map(tag =>
        sighting(tag, sites('allocation-call', 2)),
      ),
    ),
    otherTags: ['<i>"', '../!', "'--;", '&lt,', '  \x1b]', ...manyTags('Z', 195)].map(tag =>
      otherTag(tag, 'object-reference', 3, nasty),
    ),
    remarks: [nasty],
    partial: true,
  };
}

/** A signature with this text in every field, over another digest than the file has. */
function signature(text: string): FileSignature {
  return {
    signer: text,
    organization: text,
    issuer: text,
    programName: `${text}.`,
    digestAlgorithm: text,
    digest: 'ab',
    digestMatches: false,
    signedAt: '2024-05-01T09:00:00Z',
    signedAtBy: 'signer',
    isNested: false,
  };
}

function crowd(): ScannedDriver[] {
  return Array.from({ length: CROWD }, (_, n) =>
    scanned(
      {
        fileName: `crowd${n}.sys`,
        sha256: sha256Of(`c4${n.toString(16).padStart(3, '0')}`),
        company: `Vendor ${n % 30}`,
        description: 'One driver of many that share a tag',
        version: `1.${n}`,
        arch: n % 3 === 0 ? 'arm64' : 'x64',
      },
      [sighting(CROWDED_TAG, sites(n % 5 === 0 ? 'literal' : 'allocation-call', 1 + (n % 7)))],
    ),
  );
}

function sampleDriver(): ScannedDriver {
  return scanned({ fileName: 'value-flow.sys', sha256: sha256Of('5a'), description: 'Pooltag test driver' }, [
    sighting('Vf01', sites('allocation-call', 2)),
  ]);
}

function scanned(
  identity: Partial<DriverIdentity> & Pick<DriverIdentity, 'fileName' | 'sha256'>,
  sightings: TagSighting[],
): ScannedDriver {
  return {
    status: 'scanned',
    driver: {
      sizeBytes: 81920,
      arch: 'x64',
      ...NO_FACTS,
      linkDate: '2024-05-01T09:00:00Z',
      ...identity,
    },
    sightings,
    remarks: [],
    partial: false,
  };
}

function sighting(tag: string, ...evidence: Evidence[][]): TagSighting {
  const four: PoolTag = poolTag(tag);
  return { tag: four, id: tagId(four), protected: false, evidence: evidence.flat() };
}

function sites(kind: EvidenceKind, count: number): Evidence[] {
  return Array.from({ length: count }, (_, n) => ({
    kind,
    rva: 0x1a2b + n * 0x40,
    functionRva: 0x1a00 + n * 0x40,
    ...(kind === 'literal' ? {} : { api: 'ntoskrnl.exe!ExAllocatePoolWithTag' }),
    ...(kind === 'allocation-call'
      ? { pool: 'POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED', sizeBytes: 4096 }
      : {}),
  }));
}

function sha256Of(hex: string): string {
  return hex.padEnd(64, '0');
}
