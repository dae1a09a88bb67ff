/**
 * Measures both indexes: filling, changing, and the usual questions; p50 and p99 in milliseconds. Sizes as arguments. Then
 * what it costs that a search also names guides, components and known leaks.
 */
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import type { TagRecord } from '../../data/facts.ts';
import { loadKnowledge } from '../../data/knowledge.ts';
import { createMeilisearchIndex } from '../../data/meilisearch-index.ts';
import { RecordStore } from '../../data/merge.ts';
import { poolTag } from '../../data/pool-tag.ts';
import { ReadingSearch } from '../../data/reading-search.ts';
import type { SearchIndex } from '../../data/search-index.ts';
import { record, seenIn } from '../data/search-records.ts';
import { findMeilisearch } from '../meilisearch/meilisearch-server.ts';

/** Made-up syllables give as many different words as real lists have: about two new ones for each record. */
const SYLLABLES = 'ab cor dex fil gra hum ion jet kel lon mar nex ort pol qua ret sol tur vix zen'.split(' ');
const ROUNDS = 400;

const sizes = process.argv.slice(2).map(Number);
const mayFetch = process.env.POOLTAG_BENCH_FETCH === '1';
for (const size of sizes.length > 0 ? sizes : [5_000, 50_000]) {
  const records = Array.from({ length: size }, (_, i) => recordNumber(i));
  await measure('embedded', createEmbeddedIndex(), records);
}
await measureReading();
const server = await findMeilisearch({ mayFetch });
if ('reason' in server) {
  console.log(`Meilisearch was not measured: ${server.reason}.`);
} else {
  try {
    for (const size of sizes.length > 0 ? sizes : [5_000, 50_000]) {
      const records = Array.from({ length: size }, (_, i) => recordNumber(i));
      const prefix = `pooltagbench${process.pid}n${size}`;
      const options = { url: server.url, indexKey: server.masterKey, prefix };
      await measure('meilisearch', createMeilisearchIndex(options), records);
    }
  } finally {
    await server.stop();
  }
}

async function measure(name: string, index: SearchIndex, records: TagRecord[]): Promise<void> {
  console.log(`\n${name}, ${records.length.toLocaleString('en')} records`);
  const started = performance.now();
  await index.replaceAll(records);
  await index.prepare();
  console.log(`  fill                    ${(performance.now() - started).toFixed(0)} ms`);
  const at = (i: number) => records[(i * 7_919) % records.length]!;
  const word = (i: number) => at(i).knowledge[0]!.meaning!.split(' ')[1]!;
  const search = (q: string, more: { vendor?: string; page?: number } = {}) =>
    index.search({ q, page: 1, pageSize: 20, ...more });
  const questions: [string, (i: number) => Promise<unknown>][] = [
    ['find', i => index.find(poolTag(at(i).tag))],
    [
      'find 100 tags',
      i => index.findMany(Array.from({ length: 100 }, (_, k) => poolTag(at(i * 100 + k).tag))),
    ],
    ['search, exact tag', i => search(at(i).tag)],
    ['search, two letters', i => search(at(i).tag.slice(0, 2))],
    ['search, pattern', i => search(`${at(i).tag.slice(0, 2)}??`)],
    ['search, word', i => search(word(i))],
    ['search, mistyped word', i => search(mistyped(word(i)))],
    ['search, two words, vendor', i => search(`${word(i)} buffer`, { vendor: `Contoso ${made(1)}` })],
    ['search, everything, page 9', () => search('', { page: 9 })],
  ];
  for (const [question, ask] of questions) await report(question, ROUNDS, ask);
  await report('update 5 records', 50, i => index.update([0, 1, 2, 3, 4].map(k => at(i * 5 + k))));
  await index.close();
}

/** Both take turns, so that whatever else the machine does hits both alike. */
async function measureReading(): Promise<void> {
  const knowledge = loadKnowledge();
  const index = createEmbeddedIndex({ components: new Map(knowledge.components.map(one => [one.id, one])) });
  await index.replaceAll(new RecordStore(knowledge.entries, knowledge.articles).records());
  await index.prepare();
  const started = performance.now();
  const reading = new ReadingSearch(knowledge);
  reading.find('first');
  console.log(
    `\nthe bundled knowledge: what there is to read is indexed in ${(performance.now() - started).toFixed(0)} ms`,
  );
  for (const q of [
    'Thre',
    'Nt',
    'handle leak',
    'event 2019',
    'MmSt backup',
    'mapped file object',
    'moz npcap',
  ]) {
    const times: [tags: number[], reading: number[]] = [[], []];
    for (let i = 0; i < ROUNDS; i++) {
      const before = performance.now();
      await index.search({ q, page: 1, pageSize: 20 });
      const between = performance.now();
      reading.find(q);
      if (i < 20) continue;
      times[0].push(between - before);
      times[1].push(performance.now() - between);
    }
    const [tags, more] = times.map(list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]!);
    const ratio = ((tags! + more!) / tags!).toFixed(2);
    console.log(
      `  ${q.padEnd(20)} tags p50 ${tags!.toFixed(3)}  with reading ${(tags! + more!).toFixed(3)}  ratio ${ratio}`,
    );
  }
  await index.close();
}

async function report(question: string, rounds: number, ask: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 20; i++) await ask(i);
  const times: number[] = [];
  for (let i = 20; i < rounds + 20; i++) {
    const started = performance.now();
    await ask(i);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(2).padStart(8);
  console.log(`  ${question.padEnd(26)} p50 ${at(0.5)}  p99 ${at(0.99)}`);
}

function recordNumber(i: number): TagRecord {
  const letters = [0, 1, 2, 3].map(k => 97 + (Math.floor(i / 22 ** k) % 22));
  const tag = String.fromCharCode(...letters.reverse()).replace(/^./, first => first.toUpperCase());
  const driver = `unit${i % Math.ceil(i / 12 + 1)}.sys`;
  return record(tag, {
    owners: [{ meaning: `The ${made(i)} buffer of ${made(i * 31 + 7)}`, image: driver }],
    seenIn:
      i % 2 === 0 ? [] : [seenIn(driver, { company: `Contoso ${made(i % 40)} Ltd`, product: made(i % 90) })],
  });
}

function made(i: number): string {
  return [1, 20, 400].map(step => SYLLABLES[Math.floor(i / step) % SYLLABLES.length]).join('');
}

function mistyped(word: string): string {
  return `${word.slice(0, 2)}${word[3]}${word[2]}${word.slice(4)}`;
}
