/** What is loaded, and how far the scan has come: a block that fills while it is looked at. */
import type { CatalogueSummary } from '../catalogue.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';

export interface LoadedBlock {
  items: { count: string; label: string; href: string | null }[];
  note: string | null;
  scan: { done: number; total: number; text: string } | null;
  finished: string;
}

/** The view model of views/partials/loaded.hbs. */
export function loadedBlock(summary: CatalogueSummary): LoadedBlock {
  const own = summary.drivers - summary.sampleDrivers;
  const items = [
    { count: summary.tags, label: 'known tags', href: '/browse' },
    { count: own, label: own === 1 ? 'driver scanned' : 'drivers scanned', href: '/drivers' },
    {
      count: summary.sampleDrivers,
      label: summary.sampleDrivers === 1 ? 'sample driver' : 'sample drivers',
      href: '/drivers',
    },
    ...summary.tagFiles.map(({ path, entries }) => ({
      count: entries,
      label: `lines of your ${path.split(/[\\/]/).at(-1)}`,
      href: null,
    })),
    { count: summary.articles, label: 'known leaks', href: '/articles' },
  ];
  return {
    items: items
      .filter(({ count, label }) => count > 0 || label === 'known tags')
      .map(item => ({ ...item, count: groupedNumber(item.count) })),
    note:
      summary.sampleDrivers > 0
        ? 'The sample drivers ship with Pooltag to show how a scan reads. They are not drivers of this computer.'
        : null,
    scan: summary.scan.state === 'running' ? running(summary) : null,
    finished: finishedSentence(summary),
  };
}

function running({ scan: { done, total } }: CatalogueSummary) {
  return {
    done,
    total: Math.max(total ?? done, 1),
    text:
      total === null ? `${groupedNumber(done)} read` : `${groupedNumber(done)} of ${groupedNumber(total)}`,
  };
}

function finishedSentence({ scan, refused }: CatalogueSummary): string {
  if (scan.state !== 'done') return '';
  const refusals = refused === 0 ? '' : `; ${counted(refused, 'was', 'were')} not scanned`;
  return `${counted(scan.done, 'file', 'files')} read${refusals}.`;
}
