/** What a driver file says of itself, in words that text and pages share. */
import type { DriverIdentity, FileSignature } from '../data/facts.ts';

/** What is said where a file carries no signature. */
const NOT_SIGNED = 'No embedded signature (it may be signed by a catalogue).';

export interface SignatureLine {
  text: string;
  /** The file no longer has the digest that was signed. */
  isChanged: boolean;
}

/** One line for each signature, or the one that says there is none; empty where nobody looked. */
export function signatureLines({ signature }: DriverIdentity): SignatureLine[] {
  if (signature === null) return [];
  if (signature.status === 'none') return [{ text: NOT_SIGNED, isChanged: false }];
  if (signature.status === 'unreadable') {
    return [{ text: 'There is a signature, but it cannot be read.', isChanged: false }];
  }
  return signature.signatures.map(one => ({
    text: `${signerWords(one)}: ${digestWords([algorithmText(one.digestAlgorithm)], one.digestMatches)}.`,
    isChanged: one.digestMatches === false,
  }));
}

/** All signatures in one line, for where many drivers are listed; null where nobody looked. */
export function signatureSummary(driver: DriverIdentity): SignatureLine | null {
  const { signature } = driver;
  if (signature?.status !== 'signed') return signatureLines(driver)[0] ?? null;
  const signers = new Set(signature.signatures.map(signerAndProgram));
  const digests = [true, false, null].flatMap(matches => {
    const alike = signature.signatures.filter(({ digestMatches }) => digestMatches === matches);
    const names = [...new Set(alike.map(({ digestAlgorithm }) => algorithmText(digestAlgorithm)))];
    return names.length === 0 ? [] : [digestWords(names, matches)];
  });
  return {
    text: `Signed by ${[...signers].join(' and ')}: ${digests.join('; ')}.`,
    isChanged: isChangedSinceSigned(driver),
  };
}

/** Who signed first, where no signature names the company that the file says it is of: for lists, which show that anyway. */
export function otherSigner({ signature, company }: DriverIdentity): string | null {
  const signatures = signature?.signatures ?? [];
  const names = signatures.flatMap(one => [one.signer, one.organization, one.programName]);
  const isNamed =
    company !== null && names.some(name => name !== null && firstWord(name) === firstWord(company));
  return isNamed ? null : (signatures[0]?.signer ?? null);
}

/** What stays the same of a company's name however it is written: `Oracle America, Inc.`, `Oracle and/or its affiliates`. */
function firstWord(name: string): string {
  return /[\p{L}\p{N}]+/u.exec(name.toLowerCase())?.[0] ?? '';
}

/** Whether some signature's digest is another one than the file has now. */
export function isChangedSinceSigned({ signature }: DriverIdentity): boolean {
  return signature?.signatures.some(({ digestMatches }) => digestMatches === false) ?? false;
}

function signerWords(one: FileSignature): string {
  const issuer = one.issuer === null ? '' : `, by a certificate of ${one.issuer}`;
  return `${signerAndProgram(one)}${timeWords(one)}${issuer}`;
}

function signerAndProgram({ signer, programName }: FileSignature): string {
  const program = programName === null || programName === signer ? '' : ` for "${programName}"`;
  return `${signer ?? 'a signer whose certificate is not in the file'}${program}`;
}

function timeWords({ signedAt, signedAtBy }: FileSignature): string {
  if (signedAt === null) return '';
  return ` on ${timeText(signedAt)}${signedAtBy === 'signer' ? " by the signer's own clock" : ''}`;
}

/** Exactly what was found out, and no word of trust. */
function digestWords(algorithms: readonly string[], matches: boolean | null): string {
  const names = algorithms.join(' and ');
  if (matches === null) return `a digest by ${names} cannot be computed here and was not compared`;
  const not = matches ? '' : 'not ';
  return algorithms.length === 1
    ? `the file's ${names} digest is ${not}the one that was signed`
    : `the file's ${names} digests are ${not}the ones that were signed`;
}

/** `sha256` as people write it. */
function algorithmText(name: string): string {
  return name.replace(/^sha(\d+)$/, 'SHA-$1').replace(/^md5$/, 'MD5');
}

/** `KMDF 1.15`, `minifilter`. */
export function frameworkNames({ frameworks }: DriverIdentity): string[] {
  return frameworks.map(({ name, version }) => (version === null ? name : `${name} ${version}`));
}

/** `2024-05-01 09:00:00 UTC`. */
export function timeText(iso: string): string {
  return iso.replace('T', ' ').replace(/(:\d\d)(\.\d+)?Z$/, '$1 UTC');
}
