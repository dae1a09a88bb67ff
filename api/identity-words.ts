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
    text: `${signerWords(one)}${timeWords(one)}: ${digestWords(one)}.`,
    isChanged: one.digestMatches === false,
  }));
}

/** Who signed first, for lists; null where nobody did, or by a certificate that is not in the file. */
export function firstSigner({ signature }: DriverIdentity): string | null {
  return signature?.signatures[0]?.signer ?? null;
}

/** Whether some signature's digest is another one than the file has now. */
export function isChangedSinceSigned({ signature }: DriverIdentity): boolean {
  return signature?.signatures.some(({ digestMatches }) => digestMatches === false) ?? false;
}

function signerWords({ signer, programName, issuer }: FileSignature): string {
  const name = signer ?? 'A signer whose certificate is not in the file';
  const program = programName === null || programName === signer ? '' : ` for "${programName}"`;
  return `${name}${program}${issuer === null ? '' : `, by a certificate of ${issuer}`}`;
}

function timeWords({ signedAt, signedAtBy }: FileSignature): string {
  if (signedAt === null) return '';
  return `, ${timeText(signedAt)}${signedAtBy === 'signer' ? " by the signer's own clock" : ''}`;
}

function digestWords({ digestAlgorithm, digestMatches }: FileSignature): string {
  const algorithm = algorithmText(digestAlgorithm);
  if (digestMatches === null) return `its digest (${algorithm}) cannot be computed here and was not compared`;
  return `the file's ${algorithm} digest is ${digestMatches ? '' : 'not '}the one that was signed`;
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
