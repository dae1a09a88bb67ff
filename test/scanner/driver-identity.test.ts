/** What a driver says about itself. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { driverIdentity } from '../../scanner/driver-identity.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import { NO_FACTS } from '../data/plain-identity.ts';
import { tinyImage } from './pe/tiny-image.ts';
import type { TinyImage } from './pe/tiny-image-spec.ts';

function identityOf(spec: TinyImage) {
  const image = readDriverImage(tinyImage(spec));
  assert.ok(!('code' in image));
  return driverIdentity(image, {
    fileName: 'vault.sys',
    sha256: 'ab'.repeat(32),
    sizeBytes: 4096,
    signature: null,
  });
}

test('A driver with every fact gives them all', () => {
  const strings = {
    CompanyName: 'Contoso',
    ProductName: 'Vault',
    FileDescription: 'Vault filter',
    OriginalFilename: 'vault.sys',
  };
  const identity = identityOf({
    arch: 'arm64',
    timestamp: Date.UTC(2024, 4, 1, 9) / 1000,
    pdbPath: 'vault.pdb',
    isHybrid: true,
    imports: { 'FLTMGR.SYS': ['FltRegisterFilter'], 'ntoskrnl.exe': ['ExFreePoolWithTag', 'IoDeleteDevice'] },
    versions: [{ language: 0x409, fixed: [3, 2, 0, 0], tables: { '040904b0': strings } }],
  });
  const { pdbId } = identity;
  assert.deepEqual(identity, {
    fileName: 'vault.sys',
    sha256: 'ab'.repeat(32),
    sizeBytes: 4096,
    arch: 'arm64',
    linkDate: '2024-05-01T09:00:00Z',
    company: 'Contoso',
    product: 'Vault',
    description: 'Vault filter',
    version: '3.2.0.0',
    originalName: 'vault.sys',
    pdbName: 'vault.pdb',
    pdbId,
    buildHash: null,
    hybrid: 'ARM64X',
    frameworks: [{ id: 'minifilter', name: 'minifilter', version: null }],
    imports: [
      { dll: 'fltmgr.sys', functions: 1, delayed: false },
      { dll: 'ntoskrnl.exe', functions: 2, delayed: false },
    ],
    poolFunctions: ['fltmgr.sys!FltRegisterFilter', 'ntoskrnl.exe!ExFreePoolWithTag'],
    signature: null,
  });
  assert.match(pdbId ?? '', /^[0-9A-F]{33,}$/);
});

test('A driver without any has null for each', () => {
  const { arch, fileName, sha256, sizeBytes, ...facts } = identityOf({ arch: 'x86' });
  assert.deepEqual(facts, NO_FACTS);
});

test('The time stamp of a reproducible build is no date but a part of its hash', () => {
  const { linkDate, buildHash } = identityOf({ arch: 'x64', timestamp: 0x0f123456, isReproducible: true });
  assert.deepEqual([linkDate, buildHash], [null, '0f123456']);
});

test('A time stamp with its top bit set is a date after 2038', () => {
  assert.equal(identityOf({ arch: 'x64', timestamp: 0xffffffff }).linkDate, '2106-02-07T06:28:15Z');
});
