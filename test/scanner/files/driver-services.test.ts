/** What `reg query` prints becomes the services that load each driver file. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { projectFile } from '../../../data/project-files.ts';
import { DriverServices, serviceFile } from '../../../scanner/files/driver-services.ts';
import { readDriverServices } from '../../../scanner/files/read-services.ts';
import { readServiceList } from '../../../scanner/files/service-list.ts';
import { stopwatch } from '../../stopwatch.ts';

const ENV = { SystemRoot: 'C:\\Windows', ProgramFiles: 'C:\\Program Files' };
const KEY = 'HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\';

const PRINTED = [
  '',
  `${KEY}1394ohci`,
  '    DisplayName    REG_SZ    @1394.inf,%PCI\\CC_0C0010.DeviceDesc%;1394 OHCI Compliant Host Controller',
  '    ImagePath    REG_EXPAND_SZ    \\SystemRoot\\System32\\drivers\\1394ohci.sys',
  '    Start    REG_DWORD    0x3',
  '    Type    REG_DWORD    0x1',
  '',
  `${KEY}1394ohci\\Parameters`,
  '    Start    REG_DWORD    0x0',
  '    ImagePath    REG_SZ    \\SystemRoot\\other.sys',
  '',
  `${KEY}Beep`,
  '    (Default)    REG_SZ    ',
  '    start    REG_DWORD    0x1',
  '    type    REG_DWORD    0x1',
  '',
  `${KEY}Fs_Rec`,
  '    Start    REG_DWORD    0x0',
  '    Type    REG_DWORD    0x8',
  '    ImagePath    REG_SZ    system32\\drivers\\fs_rec.sys',
  '',
  `${KEY}Spooler`,
  '    ImagePath    REG_EXPAND_SZ    %SystemRoot%\\System32\\spoolsv.exe',
  '    Start    REG_DWORD    0x2',
  '    Type    REG_DWORD    0x110',
  '',
  `${KEY}NoType`,
  '    Start    REG_DWORD    0x2',
  '',
  `${KEY}Odd`,
  '    Start    REG_DWORD    0x9',
  '    Type    REG_DWORD    0x1',
  '',
].join('\r\n');

test('Drivers are read with their start and type, programs and subkeys are not', () => {
  assert.deepEqual(readServiceList(PRINTED), [
    {
      name: '1394ohci',
      start: 'manual',
      type: 'kernel-driver',
      imagePath: '\\SystemRoot\\System32\\drivers\\1394ohci.sys',
    },
    { name: 'Beep', start: 'system', type: 'kernel-driver', imagePath: undefined },
    {
      name: 'Fs_Rec',
      start: 'boot',
      type: 'recognizer-driver',
      imagePath: 'system32\\drivers\\fs_rec.sys',
    },
  ]);
});

test('The services of a file are found by any spelling of its path', () => {
  const services = new DriverServices(readServiceList(PRINTED), ENV);
  const ohci = [{ name: '1394ohci', start: 'manual', type: 'kernel-driver' }];
  assert.deepEqual(services.of('C:\\Windows\\System32\\drivers\\1394ohci.sys'), ohci);
  assert.deepEqual(services.of('c:/windows/SYSTEM32/drivers/1394OHCI.SYS'), ohci);
  assert.deepEqual(services.of('C:\\Windows\\Sysnative\\drivers\\1394ohci.sys'), ohci);
  assert.equal(services.of('C:\\Windows\\System32\\drivers\\beep.sys')[0].name, 'Beep');
  assert.deepEqual(services.of('C:\\Windows\\System32\\drivers\\other.sys'), []);
  assert.deepEqual(services.of('__proto__'), []);
  assert.deepEqual(services.files, [
    'C:\\Windows\\System32\\drivers\\1394ohci.sys',
    'C:\\Windows\\System32\\drivers\\Beep.sys',
    'C:\\Windows\\system32\\drivers\\fs_rec.sys',
  ]);
});

test('Two services may load one file', () => {
  const entry = { start: 'manual', type: 'kernel-driver' } as const;
  const services = new DriverServices(
    [
      { ...entry, name: 'one', imagePath: '\\SystemRoot\\x.sys' },
      { ...entry, name: 'two', imagePath: 'X.SYS' },
    ],
    ENV,
  );
  assert.deepEqual(
    services.of('C:\\Windows\\x.sys').map(({ name }) => name),
    ['one', 'two'],
  );
  assert.equal(services.files.length, 1);
});

const vectors = readFileSync(projectFile('test', 'vectors', 'service-image-paths.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => line.split(' | '));
for (const [imagePath, file, reason] of vectors) {
  test(`ImagePath ${imagePath}: ${reason}`, () => {
    assert.equal(serviceFile(imagePath, 'a', ENV), file === '-' ? null : file);
  });
}

test('Without an ImagePath the file is named as the service is, where that is a name', () => {
  assert.equal(serviceFile(undefined, 'Beep', ENV), 'C:\\Windows\\System32\\drivers\\Beep.sys');
  assert.equal(serviceFile('  ', 'Beep', {}), 'C:\\Windows\\System32\\drivers\\Beep.sys');
  assert.equal(serviceFile(undefined, '../../x', ENV), null);
});

test('Whatever reg prints, reading it ends and throws nothing', () => {
  const line = fc.oneof(
    fc.constantFrom(...PRINTED.split('\r\n')),
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constant(`    ImagePath    REG_SZ    ${'%a'.repeat(4000)}`),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), lines => {
      const services = new DriverServices(readServiceList(lines.join('\r\n')), ENV);
      for (const file of services.files) assert.ok(services.of(file).length > 0);
    }),
  );
});

test('A million lines are read within a second, and no more services than a computer can have', () => {
  const service = [`${KEY}name`, '    Start    REG_DWORD    0x0', '    Type    REG_DWORD    0x1'].join(
    '\r\n',
  );
  const takenMs = stopwatch();
  assert.equal(readServiceList(`${service}\r\n`.repeat(330_000)).length, 20_000);
  readServiceList(`    ${'a    REG_SZ'.repeat(100)}\n`.repeat(10_000));
  assert.ok(takenMs() < 5000);
});

test('Where there is no reg.exe there are no services, and no error', async () => {
  assert.equal(await readDriverServices({}), null);
  assert.equal(await readDriverServices({ SystemRoot: '/usr' }), null);
  assert.equal(await readDriverServices({ SystemRoot: 'C:\\nowhere' }), null);
});
