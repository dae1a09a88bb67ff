import assert from 'node:assert/strict';
import test from 'node:test';
import { affectedInWords } from '../../api/affected-words.ts';
import { leakApplies, verdictInWords } from '../../api/leak-applies.ts';
import { machineFor, NO_MACHINE, QUERY_NAMES, readMachine } from '../../api/machine.ts';
import { loadKnowledge } from '../../data/knowledge.ts';

const { articles, windows } = loadKnowledge();
const leak = (id: string) => articles.find(article => article.id === id)!;

/** `npcap.sys 0.9988` and builds of Windows, as tables write them. */
function machine(text: string) {
  const parts = text.split(', ').filter(part => part !== '');
  const drivers = parts.filter(part => part.includes(' ')).map(part => part.split(' '));
  return {
    drivers: drivers.map(([fileName, version]) => ({ fileName: fileName!, version: version ?? null })),
    windowsBuild: parts.find(part => !part.includes(' ')) ?? null,
  };
}

const CASES: [id: string, machine: string, verdict: string, reason: RegExp][] = [
  ['npcap-318', '', 'may apply', /^The version of npcap\.sys was not given\.$/],
  ['npcap-318', 'npcap.sys 0.9988', 'applies', /^npcap\.sys 0\.9988 is in the affected range, from 0\.9988/],
  ['npcap-318', 'NPCAP.SYS 5.0.9988.326', 'applies', /affected range/],
  ['npcap-318', 'npcap.sys 1.79', 'fixed in 0.9989', /^Fixed in 0\.9989: your npcap\.sys 1\.79 has it\.$/],
  ['npcap-318', 'npcap.sys 5.1.79.1', 'fixed in 0.9989', /has it/],
  ['npcap-318', 'npcap.sys 0.9987', 'does not apply', /began with 0\.9988/],
  ['npcap-318', 'npcap.sys 1.79, npcap.sys 0.9988', 'applies', /0\.9988 is in/],
  ['npcap-688', 'npcap.sys 1.77', 'applies', /to before 1\.78/],
  ['kb950162', '5.1.2600', 'may apply', /does not tell whether it is before 5\.1\.2600\.3357/],
  ['kb950162', '5.1.2600.3300', 'applies', /5\.1\.2600\.2180 to before 5\.1\.2600\.3357/],
  ['kb950162', '5.1.2600.3357', 'fixed in 5.1.2600.3357', /has it/],
  ['kb950162', '5.1.2600.5512', 'applies', /before 5\.1\.2600\.5586/],
  ['kb950162', '5.1.2600.5586', 'fixed in 5.1.2600.5586', /has it/],
  ['kb950162', '6.0.6000.16500', 'may apply', /ordinary branch/],
  ['kb950162', '6.0.6000.20700', 'applies', /affected range/],
  ['kb950162', '6.0.6001.22137', 'fixed in 6.0.6001.22137', /has it/],
  ['kb950162', '10.0.26200', 'fixed in 6.0.6001.22137', /your Windows 10\.0\.26200 has it/],
  ['kb950162', '5.2.3790', 'does not apply', /5\.1\.2600 only|began with/],
  ['kb950162', '5.0.2195', 'does not apply', /5\.1\.2600 only|began with/],
  ['kb950162', '5.1.2600, ntkrnlpa.exe 5.1.2600.5512', 'applies', /ntkrnlpa\.exe/],
  ['wsl-40804', 'ntfs.sys 10.0.26100.8655, 10.0.26200', 'may apply', /where WSL 2 or shares/],
  ['wsl-40804', '10.0.26200.8875', 'may apply', /reported for/],
  ['wsl-40804', '10.0.19045', 'does not apply', /10\.0\.26200 only/],
  ['kb912222', '5.2.3790', 'may apply', /where Service Pack 2 is installed and the \/3GB switch is set/],
  ['q171180', '4.0.1381', 'may apply', /Windows NT 4\.0 before Service Pack 4/],
  ['q234578', '10.0.26200', 'fixed in 5.0.2195', /has it/],
  ['nt-device-interfaces-32-bytes', '10.0.19045', 'applies', /up to 10\.0\.20226/],
  ['nt-device-interfaces-32-bytes', '10.0.26200', 'may apply', /no fix known/],
  ['mullvad-10738', '10.0.26200', 'may apply', /version of mullvad-split-tunnel\.sys was not given/],
  ['mullvad-10738', 'mullvad-split-tunnel.sys 1.2.5.0', 'does not apply', /1\.3\.0\.0 only/],
  ['qbittorrent-17218', '10.0.26100', 'may apply', /where a VPN splits the tunnel/],
  ['windows-dev-performance-137', 'amdkmdag.sys 32.0.11002.41', 'applies', /reported for/],
  ['windows-dev-performance-137', 'amdkmdag.sys 32.0.12000.41', 'may apply', /may have it/],
  ['windows-dev-performance-137', 'amdkmdag.sys 32.0.21045.1000', 'fixed in 32.0.21045.1000', /has it/],
  ['sandboxie-444', 'sbiedrv.sys 5.49.7.0', 'fixed in 5.47.0', /has it/],
  ['sysinternals-92', 'SysmonDrv.sys 14.0', 'does not apply', /7\.01 and 7\.03 only/],
  ['sysinternals-92', 'SysmonDrv.sys x', 'may apply', /does not say its version/],
  ['mcafee-mfes', '10.0.26200', 'may apply', /McAfee Endpoint Security Platform before 5\.6\.0/],
  ['kb296265', 'afd.sys 10.0.1.1, 10.0.26200', 'does not apply', /5\.0\.2195 only/],
];
for (const [id, given, verdict, reason] of CASES) {
  test(`${id} on a machine with "${given}": ${verdict}.`, () => {
    const found = leakApplies(leak(id), machine(given));
    assert.equal(verdictInWords(found), verdict, found.reason);
    assert.match(found.reason, reason);
    assert.equal(found.fixedIn !== undefined, found.verdict === 'fixed');
  });
}

test('Every known leak has a verdict with one sentence, whatever the machine is.', () => {
  const versions = ['0.1', '1.78', '5.1.2600.3357', '10.0.26100.8875', 'nonsense'];
  for (const article of articles) {
    for (const windowsBuild of [null, '4.0.1381', '5.1.2600.5512', '6.0.6001', '10.0.26200.1']) {
      for (const version of versions) {
        const drivers = article.affected.flatMap(({ image }) =>
          image ? [{ fileName: image, version }] : [],
        );
        const { reason } = leakApplies(article, { drivers, windowsBuild });
        assert.match(reason, /^\S.*\.$/, article.id);
      }
    }
  }
});

test('What is said of a machine comes before what was scanned, file by file.', () => {
  const scanned: Record<string, { fileName: string; version: string }[]> = {
    'npcap.sys': [{ fileName: 'npcap.sys', version: '5.0.9988.326' }],
    'ntoskrnl.exe': [{ fileName: 'ntoskrnl.exe', version: '10.0.26200.8875' }],
  };
  const source = { scannedDrivers: (file: string) => scanned[file] ?? [] };
  const verdict = (id: string, given = NO_MACHINE) =>
    verdictInWords(leakApplies(leak(id), machineFor(leak(id), given, source)));
  assert.equal(verdict('npcap-318'), 'applies');
  assert.equal(verdict('windows-containers-646'), 'applies');
  const given = readMachine({ windows: '19045', drivers: ['npcap.sys@1.79'] }, windows, QUERY_NAMES);
  assert.equal(verdict('npcap-318', given), 'fixed in 0.9989');
  assert.equal(verdict('windows-containers-646', given), 'does not apply');
  scanned['ntoskrnl.exe']!.push({ fileName: 'ntoskrnl.exe', version: '10.0.19045.1' });
  assert.equal(verdict('windows-containers-646'), 'may apply', 'kernels of two machines tell nothing');
});

const NONSENSE: [given: Parameters<typeof readMachine>[0], message: RegExp][] = [
  [{ windows: '7x' }, /^windows is "7x", which is no build of Windows.*10\.0\.26200/],
  [{ windows: '10.0' }, /no build of Windows/],
  [{ drivers: ['npcap'] }, /^driver is "npcap", which is no driver with a version.*npcap\.sys@0\.9988/],
  [{ drivers: ['npcap.sys@'] }, /no driver/],
  [{ drivers: ['@1.0'] }, /no driver/],
  [{ drivers: ['npcap.sys@1.0 beta'] }, /no driver/],
  [{ drivers: ['C:\\a.sys@1.0'] }, /no driver/],
  [{ drivers: Array(51).fill('a.sys@1') }, /50 drivers are taken at once/],
  [{ windows: 'x'.repeat(5_000) }, /…/],
];
for (const [given, message] of NONSENSE) {
  test(`${JSON.stringify(given).slice(0, 60)} is refused.`, () => {
    assert.throws(() => readMachine(given, windows, QUERY_NAMES), { code: 'invalid-query', message });
  });
}

test('What is affected is told in words, with the names of Windows.', () => {
  const words = (id: string) => leak(id).affected.map(one => affectedInWords(one, windows));
  assert.deepEqual(words('npcap-688'), ['Npcap: npcap.sys from 1.76 to before 1.78']);
  assert.deepEqual(words('wsl-40804'), ['Windows 11 25H2; build 10.0.26200 (Windows 11, version 25H2)']);
  assert.match(words('kb950162')[1]!, /: ntoskrnl\.exe from 5\.1\.2600\.5512 .*; build 5\.1\.2600 \(/);
  assert.deepEqual(words('mcafee-mfes'), ['McAfee Endpoint Security Platform before 5.6.0']);
  assert.match(words('nt-device-interfaces-32-bytes')[0]!, /; builds from 10\.0\.19041 up to 10\.0\.20226$/);
});
