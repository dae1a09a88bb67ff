/**
 * Compares our text of ARM64 instructions with llvm-objdump's, over whole images: run by hand, because it needs LLVM.
 * `npx tsx test/bench/check-disassembly.ts FILE...` says how many instructions are written out, and each sort that differs.
 */
import { execFileSync } from 'node:child_process';
import { arm64Text } from '../../scanner/disassembly/arm64/arm64-text.ts';

const MAX_OUTPUT_BYTES = 1 << 30;
const LINE = /^\s*([0-9a-f]+): ((?:[0-9a-f]{2} ){4})\s*(.*)$/;

let total = 0;
let written = 0;
const differing = new Map<string, string>();
const unwritten = new Map<string, number>();

for (const file of process.argv.slice(2)) {
  const options = ['-d', '--mattr=+lse,+v8.3a,+rcpc,+crc', file];
  const listing = execFileSync('llvm-objdump', options, { maxBuffer: MAX_OUTPUT_BYTES }).toString();
  for (const line of listing.split('\n')) {
    const match = LINE.exec(line);
    if (match !== null) compare(BigInt(`0x${match[1]}`), match[2], match[3]);
  }
}
console.log(
  `${total} instructions, ${((100 * written) / total).toFixed(2)} % written out, ${differing.size} sorts differ`,
);
for (const difference of differing.values()) console.log(difference);
const rest = [...unwritten].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
if (rest.length > 0) console.log(`not written out: ${rest.join(', ')}`);

function compare(address: bigint, bytes: string, theirs: string): void {
  const word = Number(`0x${bytes.trim().split(' ').reverse().join('')}`) | 0;
  const low = Number(address & 0xffffffffn);
  const base = address - BigInt(low);
  const ours = arm64Text(word, low, to => `0x${BigInt.asUintN(64, base + BigInt(to)).toString(16)}`);
  const name = theirs.split(/\s/)[0];
  total++;
  if (ours.startsWith('.word')) {
    unwritten.set(name, (unwritten.get(name) ?? 0) + 1);
    return;
  }
  written++;
  // Of the thousands of system registers only those of Windows code have their names here.
  if (/^m(rs|sr) .*\bs\d_\d_c/.test(ours)) return;
  if (plain(ours) === plain(absolute(theirs, address))) return;
  differing.set(`${ours.split(' ')[0]} ${name}`, `  ${bytes} ours: ${ours}; llvm: ${theirs}`);
}

/** llvm-objdump writes the distance where WinDbg writes the address. */
function absolute(text: string, address: bigint): string {
  return text.replace(/^(adr\s+\w+, )#(-?\d+)/, (_, start, distance) => {
    return `${start}0x${BigInt.asUintN(64, address + BigInt(distance)).toString(16)}`;
  });
}

/** One spelling for both: decimals, no blanks, registers by number. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/\/\/.*$|<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .replace(/, /g, ',')
    .trim()
    .replace(/\bfp\b/g, 'x29')
    .replace(/\blr\b/g, 'x30')
    .replace(/#?-?0x[0-9a-f]+\b|#-?\d+\b/g, number => {
      const size = BigInt(number.replace(/[#-]/g, ''));
      return number.includes('-') ? `-${size}` : `${size}`;
    });
}
