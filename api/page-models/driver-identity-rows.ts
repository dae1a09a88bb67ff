/** What a driver file says of itself, as the rows of its page. */
import type { DriverIdentity, DriverService, ImportedDll } from '../../data/facts.ts';
import { frameworkNames, signatureLines, timeText } from '../identity-words.ts';
import { servicesInWords } from '../service-words.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';

/** Modules and functions that a row names; the REST answer has all. */
const MAX_NAMES = 30;

interface IdentityLine {
  text: string;
  /** Something to copy, shown behind the text. */
  code: string | null;
  isWarning: boolean;
  isNote: boolean;
}

/** What nobody should read into a signature that is named here. */
const WHAT_IS_CHECKED =
  'Only the digest is compared. Whether a signature is genuine, its certificates and their revocation are not checked.';

/** Labels with one or more lines each; what the file does not say, or nobody knows of its services, has no row. */
export function identityRows(
  driver: DriverIdentity,
  services?: readonly DriverService[],
): { label: string; lines: IdentityLine[] }[] {
  const rows: [label: string, lines: IdentityLine[]][] = [
    ['On this computer', plain(services === undefined ? null : servicesInWords(services))],
    ['Product', plain(driver.product)],
    ['Original name', plain(driver.originalName)],
    ['Signature', signatureRow(driver)],
    ['Frameworks', plain(listed(frameworkNames(driver)))],
    ['Linked', plain(driver.linkDate && timeText(driver.linkDate))],
    [
      'Build hash',
      driver.buildHash === null
        ? []
        : [line('Reproducible build: the header holds a hash in place of a date.', driver.buildHash)],
    ],
    ['Hybrid', plain(driver.hybrid && hybridWords(driver.hybrid))],
    ['Symbols', driver.pdbName === null ? [] : [line(driver.pdbName, driver.pdbId)]],
    ['Imports', plain(listed(driver.imports.map(importWords)))],
    ['Pool functions', plain(listed(driver.poolFunctions.map(api => api.replace(/^ntoskrnl\.exe!/, ''))))],
    ['Size', plain(`${groupedNumber(driver.sizeBytes)} bytes`)],
    ['SHA-256', [line('', driver.sha256)]],
  ];
  return rows.filter(([, lines]) => lines.length > 0).map(([label, lines]) => ({ label, lines }));
}

function signatureRow(driver: DriverIdentity): IdentityLine[] {
  const lines = signatureLines(driver).map(({ text, isChanged }) => ({
    ...line(text),
    isWarning: isChanged,
  }));
  return driver.signature?.status === 'signed'
    ? [...lines, { ...line(WHAT_IS_CHECKED), isNote: true }]
    : lines;
}

function line(text: string, code: string | null = null): IdentityLine {
  return { text, code, isWarning: false, isNote: false };
}

function plain(text: string | null): IdentityLine[] {
  return text === null ? [] : [line(text)];
}

function listed(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const rest = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${rest > 0 ? ` and ${groupedNumber(rest)} more` : ''}`;
}

function importWords({ dll, functions, delayed }: ImportedDll): string {
  return `${dll} (${counted(functions, 'function', 'functions')}${delayed ? ', loaded late' : ''})`;
}

function hybridWords(kind: NonNullable<DriverIdentity['hybrid']>): string {
  return `${kind}: the image holds code of two kinds, and that of its native view was scanned.`;
}
