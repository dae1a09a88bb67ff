/** What every SearchIndex promises: one suite, run unchanged on each of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { poolTag } from '../../data/pool-tag.ts';
import type { SearchIndex, SearchPage, SearchQuery } from '../../data/search-index.ts';
import { record, SEARCH_RECORDS, seenIn, TAGS_IN_BYTE_ORDER } from './search-records.ts';
import { SEARCH_VECTORS } from './search-vectors.ts';

/** Makes an empty index of its own each time; the suite closes it. */
export type CreateIndex = () => Promise<SearchIndex>;

export function searchIndexContract(name: string, create: CreateIndex): void {
  describe(`The ${name} index`, () => {
    let index: SearchIndex;
    before(async () => {
      index = await create();
      await index.replaceAll(SEARCH_RECORDS);
    });
    after(() => index.close());

    const search = (q: string, more: Partial<SearchQuery> = {}) =>
      index.search({ q, page: 1, pageSize: 20, ...more });

    test('holds as many records as it was given', async () => {
      assert.equal(await index.count(), SEARCH_RECORDS.length);
    });

    test('finds every record by its bytes and gives it back as it was', async () => {
      const exact = SEARCH_RECORDS.filter(({ isPattern }) => !isPattern);
      const found = await index.findMany(exact.map(({ tag }) => poolTag(tag)));
      assert.deepEqual(found, exact);
    });

    test('answers look-ups in the order asked, with undefined for unknown tags and every time for one asked twice', async () => {
      const tags = ['NtFS', 'ntfs', 'Ntfs', 'NtFS', 'Io\0\0', 'Io  ', 'Io \0'].map(poolTag);
      const found = await index.findMany(tags);
      assert.deepEqual(
        found.map(answer => answer?.tag),
        ['NtFS', undefined, 'Ntfs', 'NtFS', 'Io\0\0', 'Io  ', undefined],
      );
      assert.deepEqual(await index.findMany([]), []);
      assert.equal(await index.find(poolTag('Gh?:')), undefined, 'a wildcard entry is no tag');
    });

    test('answers many look-ups made at once', async () => {
      const tags = SEARCH_RECORDS.filter(({ isPattern }) => !isPattern).map(({ tag }) => poolTag(tag));
      const found = await Promise.all(tags.map(tag => index.find(tag)));
      assert.deepEqual(
        found.map(answer => answer?.tag),
        tags,
      );
    });

    test('finds tags that differ only by letter case', async () => {
      const variants = async (tag: string) =>
        (await index.caseVariants(poolTag(tag))).map(answer => answer.tag);
      assert.deepEqual(await variants('Ntfs'), ['NtFS', 'NtFs']);
      assert.deepEqual(await variants('ntfs'), ['NtFS', 'NtFs', 'Ntfs']);
      assert.deepEqual(await variants('IO  '), ['Io  ']);
      assert.deepEqual(await variants('-+-+'), []);
    });

    test('finds the wildcard entries that cover a tag, the most specific first', async () => {
      const covering = async (tag: string) => (await index.covering(poolTag(tag))).map(answer => answer.tag);
      assert.deepEqual(await covering('Gh5:'), ['Gh?:', 'Gh??']);
      assert.deepEqual(await covering('Gh05'), ['Gh??']);
      assert.deepEqual(await covering('Zzxy'), ['Zz* ']);
      assert.deepEqual(await covering('gh05'), []);
    });

    for (const { q, filters, total, first, includes, reason } of SEARCH_VECTORS) {
      const shown = JSON.stringify(q.length > 40 ? `${q.slice(0, 40)}...` : q);
      const filtered = filters === undefined ? '' : ` with ${JSON.stringify(filters)}`;
      test(`answers ${shown}${filtered}: ${reason}`, async () => {
        const page = await search(q, { pageSize: 100, ...filters });
        const tags = page.hits.map(hit => hit.record.tag as string);
        if (first !== undefined) assert.deepEqual(tags.slice(0, first.length), first);
        for (const tag of includes ?? []) {
          assert.ok(tags.includes(tag), `${JSON.stringify(tag)} is missing in ${JSON.stringify(tags)}`);
        }
        if (total !== undefined) assert.equal(page.total, total);
        assert.equal(new Set(tags).size, tags.length, 'no record comes twice');
      });
    }

    test('lists everything in byte order for an empty query', async () => {
      const tags: string[] = [];
      for (let page = 1; page <= 4; page++) tags.push(...tagsOf(await search('', { page, pageSize: 100 })));
      assert.deepEqual(tags, TAGS_IN_BYTE_ORDER);
    });

    for (const q of ['', 'Nt', 'Q', 'buffer', '*1', 'registry', 'Io']) {
      test(`cuts the result for ${JSON.stringify(q)} into pages without gap or overlap, the total the same on each`, async () => {
        const whole = await search(q, { pageSize: 100 });
        for (const pageSize of [1, 3, 7]) {
          const tags: string[] = [];
          for (let page = 1; page <= Math.min(6, Math.ceil(whole.total / pageSize)); page++) {
            const part = await search(q, { page, pageSize });
            assert.deepEqual([part.total, part.page, part.pageSize], [whole.total, page, pageSize]);
            assert.deepEqual(part.facets, whole.facets);
            tags.push(...tagsOf(part));
          }
          assert.deepEqual(tags, tagsOf(whole).slice(0, tags.length));
        }
      });
    }

    test('gives an empty page past the last one, with the right total', async () => {
      for (const q of ['', 'registry', 'Nt', 'Nt??']) {
        const { total } = await search(q);
        const past = await search(q, { page: 1_000_000 });
        assert.deepEqual([past.total, past.hits], [total, []]);
      }
    });

    test('counts facets by count, then name, of the whole result', async () => {
      const { facets } = await search('ntfs', { pageSize: 1 });
      assert.deepEqual(facets, {
        vendor: [{ value: 'Microsoft Corporation', count: 2 }],
        component: [{ value: 'file-system', count: 2 }],
        driver: [{ value: 'Ntfs.sys', count: 1 }],
        source: [
          { value: 'pooltag-list', count: 2 },
          { value: 'pooltag.txt', count: 1 },
          { value: 'scan', count: 1 },
        ],
        arch: [
          { value: 'arm64', count: 1 },
          { value: 'x64', count: 1 },
        ],
        strength: [
          { value: 'written', count: 3 },
          { value: 'proven', count: 1 },
        ],
      });
    });

    test('accepts every facet value as a filter, and finds as many as were counted', async () => {
      const { facets } = await search('');
      for (const [name, counts] of Object.entries(facets)) {
        for (const { value, count } of counts) {
          const page = await search('', { [name]: value, pageSize: 1 });
          assert.equal(page.total, count, `${name} = ${JSON.stringify(value)}`);
        }
      }
    });

    test('marks hits as parts of the texts, never as HTML', async () => {
      const highlights = async (q: string) => (await search(q)).hits[0]?.highlights;
      assert.deepEqual((await highlights('Thre'))?.tag, [{ text: 'Thre', isMatch: true }]);
      assert.deepEqual((await highlights('Obd'))?.tag, [
        { text: 'ObD', isMatch: true },
        { text: 'r', isMatch: false },
      ]);
      assert.deepEqual((await highlights('?b??'))?.tag, [
        { text: '<', isMatch: false },
        { text: 'b', isMatch: true },
        { text: '>"', isMatch: false },
      ]);
      assert.deepEqual((await highlights('*!!'))?.tag, [
        { text: 'Lr', isMatch: false },
        { text: '!!', isMatch: true },
      ]);
      assert.deepEqual((await highlights('dereference'))?.meaning, [
        { text: 'Deferred by Ob', isMatch: false },
        { text: 'Dereference', isMatch: true },
        { text: 'Object until it may wait', isMatch: false },
      ]);
      assert.deepEqual((await highlights('zephyr'))?.vendor, [
        { text: 'Zephyr', isMatch: true },
        { text: ' Storage GmbH', isMatch: false },
      ]);
      assert.deepEqual((await highlights('script'))?.driver, [
        { text: '"><', isMatch: false },
        { text: 'script', isMatch: true },
        { text: '>alert(1)</', isMatch: false },
        { text: 'script', isMatch: true },
        { text: '>.sys', isMatch: false },
      ]);
      assert.equal((await highlights(''))?.tag, undefined);
    });

    test('highlights join to the text they were made from', async () => {
      for (const q of ['Q', '?a*', 'shared buffer', 'Contoso', 'registry', 'Ntfs', 'Io']) {
        for (const { record: hit, highlights } of (await search(q, { pageSize: 100 })).hits) {
          const joined = Object.entries(highlights).map(([field, parts]) => [
            field,
            parts.map(p => p.text).join(''),
          ]);
          const texts = [hit.tag, ...hit.knowledge.flatMap(k => [k.meaning, k.image])];
          const drivers = hit.sightings.flatMap(({ driver: d }) => [
            d.fileName,
            d.company,
            d.product,
            d.description,
          ]);
          for (const [field, text] of joined) {
            assert.ok([...texts, ...drivers].includes(text!), `${field}: ${text}`);
          }
        }
      }
    });

    test('leaves out words that nothing has, and says which', async () => {
      const page = await search('registry xyzzyplugh control');
      assert.deepEqual([tagsOf(page), page.ignoredWords], [['Reg1'], ['xyzzyplugh']]);
      const unknownDriver = await search('registry plughxyzzy.sys');
      assert.deepEqual([tagsOf(unknownDriver).length, unknownDriver.ignoredWords], [3, ['plughxyzzy.sys']]);
      assert.deepEqual((await search('registry control')).ignoredWords, []);
    });

    test('answers any query within bounds, and never anything that the total does not count', async () => {
      const queries = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.string({
          unit: fc.constantFrom('?', '*', 'N', 't', ' ', "'", '"', '\\', '%', '\0', 'é'),
          maxLength: 8,
        }),
        fc.constantFrom('a'.repeat(10_000), '?'.repeat(10_000), 'ab '.repeat(3_400), "'".repeat(10_000)),
        fc.constantFrom(
          ' OR ',
          'id = "4e746673"',
          '"; DROP',
          '__proto__',
          'constructor',
          '-ntfs',
          '"ntfs',
          '\ud800',
        ),
      );
      const values = fc.option(
        fc.oneof(fc.string(), fc.constantFrom('__proto__', '" OR id EXISTS', '\\"', '\ud800')),
        {
          nil: undefined,
        },
      );
      await fc.assert(
        fc.asyncProperty(queries, values, async (q, vendor) => {
          const page = await search(q, { vendor, pageSize: 5 });
          assert.equal(page.hits.length, Math.min(5, page.total));
        }),
        { numRuns: 150 },
      );
    });

    test('replaces one record, its words and facets with it, and leaves the others', async () => {
      const changing = await create();
      try {
        await changing.replaceAll([
          record('AAAA', { owners: [{ meaning: 'first meaning', image: 'one.sys' }] }),
          record('BBBB', { owners: [{ meaning: 'other meaning', image: 'two.sys' }] }),
        ]);
        assert.equal((await changing.find(poolTag('AAAA')))?.knowledge[0]?.meaning, 'first meaning');
        assert.equal(await changing.find(poolTag('CCCC')), undefined);
        const replaced = record('AAAA', { owners: [{ meaning: 'second sense', image: 'one.sys' }] });
        const added = record('CCCC', { seenIn: [seenIn('late.sys', { company: 'Latecomer AG' })] });
        await changing.update([replaced, added]);
        const found = async (q: string) => tagsOf(await changing.search({ q, page: 1, pageSize: 10 }));
        assert.deepEqual(await changing.findMany(['AAAA', 'CCCC'].map(poolTag)), [replaced, added]);
        assert.deepEqual(await found('first'), []);
        assert.deepEqual(await found('second'), ['AAAA']);
        assert.deepEqual(await found('latecomer'), ['CCCC']);
        assert.deepEqual(await found(''), ['AAAA', 'BBBB', 'CCCC']);
        const { facets } = await changing.search({ q: '', page: 1, pageSize: 1, vendor: 'latecomer' });
        assert.deepEqual(facets.vendor, [{ value: 'Latecomer AG', count: 1 }]);
        await changing.replaceAll([record('DDDD')]);
        assert.deepEqual([await found(''), await changing.count()], [['DDDD'], 1]);
        assert.equal(await changing.find(poolTag('AAAA')), undefined);
        await changing.replaceAll([]);
        assert.deepEqual([await found(''), await changing.count()], [[], 0]);
      } finally {
        await changing.close();
      }
    });

    test('shows readers the old set or the new one while everything is replaced', async () => {
      const changing = await create();
      try {
        const set = (letter: string, count: number) =>
          Array.from({ length: count }, (_, i) => record(`${letter}${String(i).padStart(3, '0')}`));
        await changing.replaceAll(set('O', 400));
        let isDone = false;
        const replaced = changing.replaceAll(set('N', 600)).finally(() => {
          isDone = true;
        });
        while (!isDone) {
          const { total, hits } = await changing.search({ q: '', page: 1, pageSize: 100 });
          const letters = new Set(hits.map(hit => hit.record.tag[0]));
          assert.deepEqual([...letters], [total === 400 ? 'O' : 'N']);
          assert.ok(total === 400 || total === 600, `${total} records are a mixture`);
          // Without a pause the embedded index, which answers at once, would never get its turn.
          await new Promise(resolve => setImmediate(resolve));
        }
        await replaced;
        assert.equal(await changing.count(), 600);
      } finally {
        await changing.close();
      }
    });

    test('keeps what it has when the records given fail on the way', async () => {
      const changing = await create();
      try {
        await changing.replaceAll([record('KEEP')]);
        const failing = function* () {
          yield record('LOST');
          throw new Error('the source broke');
        };
        await assert.rejects(changing.replaceAll(failing()), /the source broke/);
        assert.equal(await changing.count(), 1);
        assert.equal((await changing.find(poolTag('KEEP')))?.tag, 'KEEP');
      } finally {
        await changing.close();
      }
    });
  });
}

function tagsOf(page: SearchPage): string[] {
  return page.hits.map(hit => hit.record.tag);
}
