/** driverSignature: who signed a file, as it says itself, and whether the file still has the digest that was signed. */
import type { DriverSignature, FileSignature } from '../data/facts.ts';
import type { SignatureClaim } from './pe/authenticode.ts';
import { type CertificateTable, pkcs7Messages, signedParts } from './pe/certificate-table.ts';

/** What the core cannot do without Node or a library; whoever scans passes it in. */
export interface SignatureMeans {
  /** The signatures of a PKCS#7 message; undefined where it cannot be read. Never throws. */
  readSignatures(message: Uint8Array): SignatureClaim[] | undefined;
  /** Lower-case hex of the parts' digest, one after the other; null where the algorithm is not there. Never throws. */
  digest(algorithm: string, parts: readonly Uint8Array[]): string | null;
}

/** The signature of a file, and remarks on what could not be read of it. */
export function driverSignature(
  bytes: Uint8Array,
  table: CertificateTable | null,
  means: SignatureMeans,
): { signature: DriverSignature; remarks: string[] } {
  if (table === null) return { signature: { status: 'none', signatures: [] }, remarks: [] };
  const messages = pkcs7Messages(bytes, table);
  if ('problem' in messages) return unreadable(messages.problem);
  const read = messages.map(message => means.readSignatures(message));
  const claims = read.flatMap(claims => claims ?? []);
  if (claims.length === 0) return unreadable('it is no Authenticode signature');
  const lost = read.filter(claims => claims === undefined).length;
  return {
    signature: { status: 'signed', signatures: compared(claims, bytes, table, means) },
    remarks: lost === 0 ? [] : [`${lost} of ${read.length} signatures cannot be read.`],
  };
}

function unreadable(problem: string): ReturnType<typeof driverSignature> {
  return {
    signature: { status: 'unreadable', signatures: [] },
    remarks: [`The signature cannot be read: ${problem}.`],
  };
}

function compared(
  claims: readonly SignatureClaim[],
  bytes: Uint8Array,
  table: CertificateTable,
  means: SignatureMeans,
): FileSignature[] {
  const parts = signedParts(bytes, table);
  const algorithms = new Set(claims.map(({ digestAlgorithm }) => digestAlgorithm));
  const ofFile = new Map([...algorithms].map(name => [name, means.digest(name, parts)]));
  return claims.map(claim => {
    const { signer, organization, issuer, programName, digestAlgorithm, digest, ...rest } = claim;
    const actual = ofFile.get(digestAlgorithm) ?? null;
    const digestMatches = actual === null ? null : actual === digest;
    return { signer, organization, issuer, programName, digestAlgorithm, digest, digestMatches, ...rest };
  });
}
