/** One address of every kind of page, for tests that hold for all of them. */
import { CONTOSO_SHA256, CROWDED_TAG, HOSTILE_SHA256, KERNEL_SHA256 } from './sample-catalogue.ts';

export interface PageKind {
  name: string;
  path: string;
  status: number;
}

export const PAGE_KINDS: readonly PageKind[] = [
  kind('home', '/'),
  kind('a tag', '/tags/Thre'),
  kind('a tag with blanks, by its ULONG', '/tags/0x20204D43'),
  kind('a tag of many drivers', `/tags/${CROWDED_TAG}`),
  kind('an unknown tag', '/tags/ThrE', 404),
  kind('not a tag', '/tags/Threads', 400),
  kind('search results', '/search?q=thread'),
  kind('search results, narrowed', '/search?q=thread&component=process-manager'),
  kind('a pattern', '/search?q=Nt%3F%3F'),
  kind('no search results', '/search?q=qqqqqqqqq'),
  kind('everything', '/search'),
  kind('browsing', '/browse'),
  kind('browsing by two characters', '/browse?prefix=Nt'),
  kind('components', '/components'),
  kind('a component', '/components/process-manager'),
  kind('drivers', '/drivers'),
  kind('drivers, narrowed to none', '/drivers?q=nosuchdriver'),
  kind('a driver', `/drivers/${CONTOSO_SHA256}`),
  kind('a driver with very many tags', `/drivers/${KERNEL_SHA256}`),
  kind('a hostile driver', `/drivers/${HOSTILE_SHA256}`),
  kind('an unknown driver', `/drivers/${'f'.repeat(64)}`, 404),
  kind('what is leaking', '/leaks'),
  kind('known leaks', '/articles'),
  kind('a known leak', '/articles/kb927493'),
  kind(
    'a known leak, of a machine',
    '/articles/wsl-40804?windows=10.0.26200&driver=ntfs.sys@10.0.26100.8875',
  ),
  kind('known leaks, of a machine', '/articles?q=npcap&driver=npcap.sys@0.9988&windows=x'),
  kind('a tag with a known leak, of a machine', '/tags/NPBL?driver=npcap.sys@1.79'),
  kind('guides', '/guides'),
  kind('a guide', '/guides/windbg'),
  kind('a guide with long listings', '/guides/pool-stacks'),
  kind('a guide with long tables', '/guides/poolmon-reference'),
  kind('the REST page', '/api'),
  kind('choosing a tag', '/suggest'),
  kind('proposed tags', '/suggest?name=Afd%20Thread%20Contoso'),
  kind('no name to propose for', '/suggest?name=%F0%9F%98%80', 400),
  kind('a hostile name', `/suggest?name=${encodeURIComponent(`${'<b>"'.repeat(20)}${'x'.repeat(200)}`)}`),
  kind('problems', '/problems'),
  kind('a problem', '/problems/invalid-tag'),
  kind('an unknown problem', '/problems/nope', 404),
  kind('nothing', '/nope', 404),
];

function kind(name: string, path: string, status = 200): PageKind {
  return { name, path, status };
}
