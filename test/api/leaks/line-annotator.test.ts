import assert from 'node:assert/strict';
import test from 'node:test';
import { LineAnnotator } from '../../../api/leaks/line-annotator.ts';

const owner = (tag: string) => (tag === 'ZzQ9' ? null : `owner of ${tag}`);

async function annotated(text: Buffer, size = text.length): Promise<Buffer> {
  const annotator = new LineAnnotator(owner);
  const parts: Buffer[] = [];
  for (let at = 0; at < text.length; at += size)
    parts.push(await annotator.write(text.subarray(at, at + size)));
  parts.push(await annotator.end());
  return Buffer.concat(parts);
}

const HEAD = ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc';
const ROWS = [
  ' EtwB Nonp       6394      4056      2338 163418368      69896',
  ' Io   Paged   2269405   2095404    174001 156097152        897 [nt!io \u2013 I/O]',
  ' ZzQ9 Nonp       6394      4056      2338 163418368      69896',
  'some prose, and a tab\there',
];

// the text with @ for an annotation that is due, reason
const LINES: [string, string][] = [
  [`${HEAD}\n\n${ROWS[0]}@\n`, 'LF'],
  [`${HEAD}\r\n\r\n${ROWS[0]}@\r\n${ROWS[3]}\r\n${ROWS[0]}@`, 'CRLF, and no line end at the end'],
  [`${HEAD}\r\r${ROWS[0]}@\r${ROWS[0]}@\r`, 'carriage returns alone'],
  [`${HEAD}\n${ROWS.slice(2).join('\n')}\n`, 'nothing is known'],
  [`no table\n\n\n`, 'no table'],
  ['', 'nothing'],
  ['x', 'one byte'],
  ['\u0000\u0001\u0002\n\u0000', 'junk'],
];
const ENCODINGS: Record<string, (text: string) => Buffer> = {
  'UTF-8': text => Buffer.from(text),
  'UTF-8 with its mark': text => Buffer.from(`\ufeff${text}`),
  'UTF-16LE with its mark': text => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'UTF-16BE with its mark': text => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
};
for (const [text, reason] of LINES) {
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    test(`Every byte stays but for what is added: ${reason}, in ${name}.`, async () => {
      const given = encode(text.replaceAll('@', ''));
      const whole = await annotated(given);
      const added = encode('').length === 0 ? whole.toString() : undefined;
      if (added !== undefined) assert.equal(added.replaceAll(/ +<- owner of \w+/g, '@'), text);
      const removed = withoutAdded(whole, name.startsWith('UTF-16'));
      assert.deepEqual(removed, given);
      for (const size of [1, 2, 3, 7]) assert.deepEqual(await annotated(given, size), whole);
    });
  }
}

/** What is left where the annotations are taken out again. */
function withoutAdded(bytes: Buffer, isWide: boolean): Buffer {
  if (!isWide) return Buffer.from(bytes.toString('latin1').replaceAll(/ +<- owner of \w+/g, ''), 'latin1');
  const isBig = bytes[0] === 0xfe;
  const little = isBig ? Buffer.from(bytes).swap16() : bytes;
  const left = Buffer.from(little.toString('utf16le').replaceAll(/ +<- owner of \w+/g, ''), 'utf16le');
  return isBig ? left.swap16() : left;
}

test('Annotations of one table stand below each other.', async () => {
  const text = `${HEAD}\n${ROWS[0]}\n EtwC Nonp 1 0 1 5 5\n${ROWS[0]}\n`;
  const lines = (await annotated(Buffer.from(text))).toString().split('\n');
  const columns = lines.map(line => line.indexOf('<-')).filter(at => at >= 0);
  assert.equal(new Set(columns).size, 1);
  assert.equal(columns.length, 3);
});

test('Bytes of latin1 stay, and the annotation in an unknown encoding is ASCII.', async () => {
  const annotator = new LineAnnotator(() => 'Caf\u00e9 \u2026 \u4e2d');
  const line = Buffer.from(`${HEAD}\n Caf\xe9 Nonp 6394 4056 2338 163418368 69896\n`, 'latin1');
  const out = Buffer.concat([await annotator.write(line), await annotator.end()]);
  assert.match(
    out.toString('latin1'),
    /\n Caf\xe9 Nonp 6394 4056 2338 163418368 69896 +<- Cafe \.\.\. \?\n$/,
  );
});

test('A line without an end is passed on in bounded memory, and what follows it is annotated.', async () => {
  const long = `${'x'.repeat(1_000_000)}\n`;
  const text = Buffer.from(`${long}${HEAD}\n${ROWS[0]}\n`);
  const out = (await annotated(text, 10_000)).toString();
  assert.ok(out.startsWith(long));
  assert.match(out, /69896 +<- owner of EtwB\n$/);
});
