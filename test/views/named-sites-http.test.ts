/** A driver with a PDB, from the file to what the server answers: names of call sites on pages and in REST. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { RunningServer } from '../../api/server.ts';
import { projectFile } from '../../data/project-files.ts';
import { scanFiles } from '../../scanner/driver-files.ts';
import { sampleCatalogue } from './sample-catalogue.ts';
import { startSampleSite } from './sample-site.ts';

let site: RunningServer;
let sha256: string;
before(async () => {
  const catalogue = await sampleCatalogue();
  const paths = [projectFile('test', 'drivers', 'symbols', 'x64', 'named-sites.sys')];
  for await (const { outcome } of scanFiles({ paths, workers: 0 })) {
    assert.ok(outcome.status === 'scanned');
    sha256 = outcome.driver.sha256;
    catalogue.addOutcome(outcome);
  }
  await catalogue.flush();
  site = await startSampleSite(catalogue);
});
after(() => site.stop());

const get = async (path: string) => (await fetch(site.url + path)).text();

test("the driver's page names its sites and the wrappers between", async () => {
  const html = await get(`/drivers/${sha256}`);
  assert.match(html, /at <code>0x101f<\/code> <code class="break">named-sites!AllocateContext\+0x1f<\/code>/);
  assert.match(
    html,
    /named-sites!Ring::Buffer::Create\+0x9.*through <code class="break">named-sites!AllocateTagged</,
  );
  assert.match(html, /at <code>0x11c4<\/code> <span class="soft">in the function/, 'a site without a name');
});

test("the tag's page and the REST answers have the names too", async () => {
  assert.match(await get('/tags/NCtx'), /named-sites!AllocateContext\+0x1f/);
  const tag = JSON.parse(await get('/api/v1/tags/NCtx'));
  assert.equal(tag.sightings[0].firstSites[0].symbol, 'named-sites!AllocateContext+0x1f');
  const driver = JSON.parse(await get(`/api/v1/drivers/${sha256}`));
  const wrapped = driver.sightings.find((one: { tag: string }) => one.tag === 'NCCr');
  assert.deepEqual(wrapped.evidence[0].wrapperSymbols, ['named-sites!AllocateTagged']);
});
