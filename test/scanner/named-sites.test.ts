/** The built driver with a PDB, on each processor: every site has the name that its source gives it. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Arch } from '../../data/facts.ts';
import { projectFile } from '../../data/project-files.ts';
import { openPdb } from '../../scanner/pdb/open-pdb.ts';
import { PdbProblem } from '../../scanner/pdb/pdb-problem.ts';
import { PublicSymbols, readPublicSymbols } from '../../scanner/pdb/public-symbols.ts';
import { readPdbReference } from '../../scanner/pe/pdb-reference.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { memoryFile } from './pdb/memory-file.ts';

function built(arch: Arch, extension: string): Uint8Array {
  return readFileSync(projectFile('test', 'drivers', 'symbols', arch, `named-sites.${extension}`));
}

function publicsOf(arch: Arch): PublicSymbols {
  const pdb = openPdb(memoryFile(built(arch, 'pdb')));
  assert.ok(!(pdb instanceof PdbProblem));
  assert.equal(pdb.id, readPdbReference(built(arch, 'sys')).pdbId);
  const symbols = readPublicSymbols(pdb);
  assert.ok(symbols instanceof PublicSymbols);
  return symbols;
}

/** As `llvm-pdbutil dump -publics -section-headers` gives them; what names data is left out here. */
const PUBLICS: Record<Arch, [rva: number, name: string][]> = {
  x64: [
    [0x1000, 'AllocateContext'],
    [0x1040, 'AllocateTagged'],
    [0x1070, '??0Buffer@Ring@@QEAA@_K@Z'],
    [0x10a0, '??1Buffer@Ring@@QEAA@XZ'],
    [0x10b0, '?Create@Buffer@Ring@@SAPEAV12@_K@Z'],
    [0x10c0, '??2@YAPEAX_K@Z'],
    [0x10e0, '??3@YAXPEAX@Z'],
    [0x10f0, 'DriverEntry'],
    [0x1190, '??_U@YAPEAX_K@Z'],
    [0x11e0, 'ExAllocatePoolWithTag'],
    [0x11f0, 'ExFreePoolWithTag'],
    [0x5000, 'OpenPaged'],
  ],
  x86: [
    [0x1000, '_AllocateContext'],
    [0x1030, '_AllocateTagged@8'],
    [0x1060, '??0Buffer@Ring@@QAE@I@Z'],
    [0x1080, '??1Buffer@Ring@@QAE@XZ'],
    [0x1090, '?Create@Buffer@Ring@@SAPAV12@I@Z'],
    [0x10b0, '??2@YAPAXI@Z'],
    [0x10d0, '??3@YAXPAX@Z'],
    [0x10e0, '_DriverEntry@8'],
    [0x1160, '??_U@YAPAXI@Z'],
    [0x119f, '_ExAllocatePoolWithTag@12'],
    [0x11a5, '_ExFreePoolWithTag@8'],
    [0x4000, '_OpenPaged@4'],
  ],
  arm64: [
    [0x1000, 'AllocateContext'],
    [0x1040, 'AllocateTagged'],
    [0x1070, '??0Buffer@Ring@@QEAA@_K@Z'],
    [0x10ac, '??1Buffer@Ring@@QEAA@XZ'],
    [0x10c4, '?Create@Buffer@Ring@@SAPEAV12@_K@Z'],
    [0x10d4, '??2@YAPEAX_K@Z'],
    [0x10f0, '??3@YAXPEAX@Z'],
    [0x1104, 'DriverEntry'],
    [0x11bc, '??_U@YAPEAX_K@Z'],
    [0x120c, 'ExAllocatePoolWithTag'],
    [0x1218, 'ExFreePoolWithTag'],
    [0x5000, 'OpenPaged'],
  ],
};

/** Tag, kind of evidence, function of the source; the offset is where the compiler put the call. */
const SITES: [tag: string, kind: string, inFunction: string | undefined][] = [
  ['NCtx', 'allocation-call', 'AllocateContext'],
  ['NCUn', 'allocation-call', undefined],
  ['NCRb', 'allocation-call', 'DriverEntry'],
  ['NCCr', 'wrapper-call', 'Ring::Buffer::Create'],
  ['NCPg', 'allocation-call', 'OpenPaged'],
];

for (const arch of ['x64', 'x86', 'arm64'] as const) {
  test(`The publics of the ${arch} PDB stand where LLVM's own tool finds them`, () => {
    const publics = publicsOf(arch);
    for (const [rva, name] of PUBLICS[arch]) {
      assert.equal(publics.nameAt(rva), name);
      assert.equal(publics.rvaAtOrBefore(rva), rva);
    }
  });

  test(`Sites of the ${arch} driver are named by their functions, and one without a public name by none`, () => {
    const file = { fileName: 'named-sites.sys', sha256: '', symbols: publicsOf(arch) };
    const outcome = scanDriver(built(arch, 'sys'), file);
    assert.equal(outcome.status, 'scanned');
    if (outcome.status !== 'scanned') return;
    const evidence = new Map(outcome.sightings.map(sighting => [sighting.tag as string, sighting.evidence]));
    for (const [tag, kind, inFunction] of SITES) {
      const symbols = evidence
        .get(tag)
        ?.filter(one => one.kind === kind)
        .map(({ symbol }) => symbol);
      assert.ok(symbols && symbols.length > 0, `${tag} is seen`);
      const names = symbols.map(symbol => symbol?.replace(/\+0x[0-9a-f]+$/, ''));
      assert.ok(
        names.includes(inFunction && `named-sites!${inFunction}`),
        `${tag} is named by ${inFunction}: ${names}`,
      );
    }
    assert.deepEqual(evidence.get('NCCr')?.[0].wrapperSymbols, ['named-sites!AllocateTagged']);
  });
}

test('The offset counts from the function to the call', () => {
  const file = { fileName: 'named-sites.sys', sha256: '', symbols: publicsOf('x64') };
  const outcome = scanDriver(built('x64', 'sys'), file);
  assert.ok(outcome.status === 'scanned');
  const [site] = outcome.sightings.find(({ tag }) => tag === ('NCtx' as string))?.evidence ?? [];
  assert.equal(site.rva, 0x101f);
  assert.equal(site.symbol, 'named-sites!AllocateContext+0x1f');
});

test('Without symbols nothing is named', () => {
  const outcome = scanDriver(built('x64', 'sys'), { fileName: 'named-sites.sys', sha256: '' });
  assert.ok(outcome.status === 'scanned');
  const evidence = outcome.sightings.flatMap(sighting => sighting.evidence);
  assert.ok(evidence.every(one => !('symbol' in one) && !('wrapperSymbols' in one)));
});
