/** Frameworks and classes of driver by what an image imports. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { DriverFramework } from '../../data/facts.ts';
import { projectFile } from '../../data/project-files.ts';
import { frameworksOf } from '../../scanner/frameworks.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import { tinyImage } from './pe/tiny-image.ts';
import type { TinyImage } from './pe/tiny-image-spec.ts';

function frameworksIn(bytes: Uint8Array): DriverFramework[] {
  const image = readDriverImage(bytes);
  assert.ok(!('code' in image));
  return frameworksOf(image);
}

const CASES: [why: string, imports: TinyImage['imports'], ids: string[]][] = [
  ['nothing but the kernel', { 'ntoskrnl.exe': ['ExAllocatePool2'], 'hal.dll': ['HalX'] }, []],
  ['KMDF', { 'WDFLDR.SYS': ['WdfVersionBind'] }, ['kmdf']],
  ['a minifilter', { 'FLTMGR.SYS': ['FltRegisterFilter', 'FltStartFiltering'] }, ['minifilter']],
  ['a client of the filter manager that is no filter', { 'FLTMGR.SYS': ['FltSendMessage'] }, []],
  ['a miniport', { 'NDIS.SYS': ['NdisMRegisterMiniportDriver', 'NdisFreeMdl'] }, ['ndis-miniport']],
  ['a lightweight filter', { 'NDIS.SYS': ['NdisFRegisterFilterDriver'] }, ['ndis-filter']],
  ['a protocol', { 'NDIS.SYS': ['NdisRegisterProtocolDriver'] }, ['ndis-protocol']],
  [
    'an intermediate driver',
    { 'NDIS.SYS': ['NdisRegisterProtocol', 'NdisMRegisterMiniport'] },
    ['ndis-miniport', 'ndis-protocol'],
  ],
  ['NDIS without a role', { 'NDIS.SYS': ['NdisAllocateMdl'] }, ['ndis']],
  ['a callout', { 'fwpkclnt.sys': ['FwpsCalloutRegister0'], 'NETIO.SYS': ['X'] }, ['wfp']],
  ['sockets', { 'netio.sys': ['WskRegister'] }, ['wsk']],
  ['storage', { 'storport.sys': ['StorPortInitialize'] }, ['storport']],
  ['imports by ordinal', { 'storport.sys': [7], 'ndis.sys': [9] }, ['ndis', 'storport']],
  ['audio', { 'portcls.sys': ['PcAddAdapterDevice'], 'ks.sys': ['KsX'] }, ['portcls', 'avstream']],
  ['a display driver', { 'win32k.sys': ['EngAllocMem'] }, ['gdi']],
];
for (const [why, imports, ids] of CASES) {
  test(`Frameworks of ${why}`, () => {
    const found = frameworksIn(tinyImage({ arch: 'x64', imports }));
    assert.deepEqual(
      found.map(({ id }) => id),
      ids,
    );
  });
}

test('Late imports count as well', () => {
  const found = frameworksIn(tinyImage({ arch: 'x64', delayImports: { 'wdfldr.sys': ['WdfVersionBind'] } }));
  assert.deepEqual(found, [{ id: 'kmdf', name: 'KMDF', version: null }]);
});

const built = (name: string) =>
  new Uint8Array(readFileSync(projectFile('test', 'drivers', 'built', `${name}.sys`)));
for (const name of ['kmdf-device.x64.clang.O2', 'kmdf-device.x86.clang.O2', 'kmdf-device.arm64.clang.O2']) {
  test(`The KMDF version of ${name} is the one its source binds to`, () => {
    assert.equal(frameworksIn(built(name)).find(({ id }) => id === 'kmdf')?.version, '1.15');
  });
}
