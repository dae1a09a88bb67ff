/**
 * Reads an Authenticode signature: a PKCS#7 message that names a digest of the image and who signed it. It only reads;
 * whether the signature is genuine is not checked. This file and those it imports load an ASN.1 library, so that the scan
 * itself does not import it: who can read signatures passes `readSignatures` in.
 */
import { ASN1UniversalType, type DERElement } from 'asn1-ts';
import type { FileSignature } from '../../data/facts.ts';
import { contextPart, derElement, hexOf, innerOf, NotDer, oidOf, partsOf } from './der.ts';
import { shownName, textOf, timeOf, type X500Name, x500Name } from './der-text.ts';

/** Object identifiers; the Authenticode ones are Microsoft's (1.3.6.1.4.1.311). */
const OID = {
  signedData: '1.2.840.113549.1.7.2',
  indirectData: '1.3.6.1.4.1.311.2.1.4',
  opusInfo: '1.3.6.1.4.1.311.2.1.12',
  nestedSignature: '1.3.6.1.4.1.311.2.4.1',
  signingTime: '1.2.840.113549.1.9.5',
  countersignature: '1.2.840.113549.1.9.6',
  microsoftTimestamp: '1.3.6.1.4.1.311.3.3.1',
  cmsTimestamp: '1.2.840.113549.1.9.16.2.14',
} as const;
const DIGEST_NAMES = new Map([
  ['1.2.840.113549.2.5', 'md5'],
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);
/** Dual-signed files have two, attested ones three; a chain of nested signatures ends here. */
const MAX_SIGNATURES = 16;
/** Each that cannot be read costs an exception (5 us): real messages have up to ten certificates, and three values. */
const MAX_CERTIFICATES = 200;
const MAX_VALUES = 16;
/** Bytes of the longest digest in use (SHA-512). */
const MAX_DIGEST_BYTES = 64;

/** A signature before anyone has compared its digest with the file. */
export type SignatureClaim = Omit<FileSignature, 'digestMatches'>;

/** The signatures of one PKCS#7 message, nested ones behind those they stand in; undefined where it cannot be read. */
export function readSignatures(message: Uint8Array): SignatureClaim[] | undefined {
  const found: SignatureClaim[] = [];
  try {
    addSignatures(derElement(message), false, found);
  } catch {
    // asn1-ts throws errors of many kinds; all of them mean that the bytes are no signature from here on.
  }
  return found.length > 0 ? found : undefined;
}

function addSignatures(contentInfo: DERElement, isNested: boolean, found: SignatureClaim[]): void {
  if (found.length >= MAX_SIGNATURES) return;
  const { contentType, content, certificates, signers } = signedData(contentInfo);
  if (contentType !== OID.indirectData) throw new NotDer('What is signed is no digest of an image.');
  const { digestAlgorithm, digest } = indirectDigest(content);
  const named = namedCertificates(certificates);
  for (const signer of signers) {
    if (found.length >= MAX_SIGNATURES) return;
    const { identity, signed, unsigned } = signerInfo(signer);
    const names = orNull(() => named.get(keyOf(partsOf(identity))));
    found.push({
      signer: names && shownName(names.subject),
      organization: names?.subject.organization ?? null,
      issuer: names && shownName(names.issuer),
      programName: orNull(() => programName(signed)),
      digestAlgorithm,
      digest,
      ...signingTime(signed, unsigned),
      isNested,
    });
    for (const nested of orNull(() => valuesOf(unsigned, OID.nestedSignature)) ?? []) {
      orNull(() => addSignatures(nested, true, found));
    }
  }
}

/** ContentInfo { type, [0] SignedData { version, algorithms, content, [0] certificates, [1] crls, signers } }. */
function signedData(contentInfo: DERElement) {
  const [type, wrapped] = partsOf(contentInfo);
  if (oidOf(type) !== OID.signedData) throw new NotDer('The message is no SignedData.');
  const parts = partsOf(innerOf(wrapped));
  const [contentType, content] = partsOf(parts[2]);
  return {
    contentType: oidOf(contentType),
    content,
    certificates: contextPart(parts, 0),
    signers: partsOf(parts.at(-1)),
  };
}

/** SpcIndirectDataContent { data, DigestInfo { algorithm { oid }, digest } }. */
function indirectDigest(content: DERElement | undefined): Pick<FileSignature, 'digestAlgorithm' | 'digest'> {
  const [, digestInfo] = partsOf(innerOf(content));
  const [algorithm, digest] = partsOf(digestInfo);
  const oid = oidOf(partsOf(algorithm)[0]);
  if (digest === undefined || digest.value.length > MAX_DIGEST_BYTES) throw new NotDer('There is no digest.');
  return { digestAlgorithm: DIGEST_NAMES.get(oid) ?? oid, digest: hexOf(digest) };
}

/** Subject and issuer of each certificate by {@link keyOf}, by which a signer names its own. */
function namedCertificates(
  certificates: DERElement | undefined,
): Map<string, { subject: X500Name; issuer: X500Name }> {
  const named = new Map<string, { subject: X500Name; issuer: X500Name }>();
  if (certificates === undefined) return named;
  for (const certificate of partsOf(certificates).slice(0, MAX_CERTIFICATES)) {
    try {
      const fields = partsOf(innerOf(certificate));
      // The version is absent in certificates of version 1.
      const [serial, , issuer, , subject] = fields.slice(contextPart(fields, 0) === fields[0] ? 1 : 0);
      named.set(keyOf([issuer, serial]), { subject: x500Name(subject), issuer: x500Name(issuer) });
    } catch {
      // One certificate that cannot be read leaves its signer without a name, not the others.
    }
  }
  return named;
}

/** Issuer and serial number. */
function keyOf([issuer, serial]: readonly DERElement[]): string {
  return `${hexOf(issuer)} ${hexOf(serial)}`;
}

/** SignerInfo { version, identity, digest algorithm, [0] signed attributes, algorithm, value, [1] unsigned ones }. */
function signerInfo(signer: DERElement) {
  const parts = partsOf(signer);
  const rest = parts.slice(2);
  return {
    identity: parts[1],
    signed: attributesOf(contextPart(rest, 0)),
    unsigned: attributesOf(contextPart(rest, 1)),
  };
}

/** By type, the sets of values; a type should stand once, but signing tools repeat that of nested signatures. */
type Attributes = ReadonlyMap<string, DERElement[]>;

function attributesOf(part: DERElement | undefined): Attributes {
  const found = new Map<string, DERElement[]>();
  for (const attribute of part === undefined ? [] : partsOf(part)) {
    const [type, values] = partsOf(attribute);
    if (values === undefined) continue;
    const oid = oidOf(type);
    const sets = found.get(oid);
    if (sets === undefined) found.set(oid, [values]);
    else sets.push(values);
  }
  return found;
}

function valuesOf(attributes: Attributes, oid: string): DERElement[] {
  return (attributes.get(oid) ?? []).slice(0, MAX_VALUES).flatMap(partsOf).slice(0, MAX_VALUES);
}

/** SpcSpOpusInfo { [0] programName { [0] BMPString or [1] IA5String }, [1] moreInfo }. */
function programName(signed: Attributes): string | null {
  const [opusInfo] = valuesOf(signed, OID.opusInfo);
  const name = opusInfo === undefined ? undefined : contextPart(partsOf(opusInfo), 0);
  if (name === undefined) return null;
  const text = innerOf(name);
  return textOf(text, text.tagNumber === 0 ? ASN1UniversalType.bmpString : ASN1UniversalType.ia5String);
}

/** The best word on when it was signed: a time-stamp authority's before the signer's own. */
function signingTime(
  signed: Attributes,
  unsigned: Attributes,
): Pick<FileSignature, 'signedAt' | 'signedAtBy'> {
  const values = (oid: string) => orNull(() => valuesOf(unsigned, oid)) ?? [];
  const tokens = [OID.microsoftTimestamp, OID.cmsTimestamp].flatMap(values);
  for (const token of tokens) {
    const signedAt = orNull(() => tokenTime(token));
    if (signedAt !== null) return { signedAt, signedAtBy: 'timestamp' };
  }
  for (const countersigner of values(OID.countersignature)) {
    const signedAt = orNull(() => attributeTime(signerInfo(countersigner).signed));
    if (signedAt !== null) return { signedAt, signedAtBy: 'countersignature' };
  }
  const signedAt = orNull(() => attributeTime(signed));
  return { signedAt, signedAtBy: signedAt === null ? null : 'signer' };
}

/** TSTInfo { version, policy, imprint, serial number, time ... }, in an OCTET STRING. */
function tokenTime(token: DERElement): string | null {
  const { content } = signedData(token);
  return timeOf(partsOf(derElement(innerOf(content).value))[4]);
}

function attributeTime(signed: Attributes): string | null {
  return timeOf(valuesOf(signed, OID.signingTime)[0]);
}

/** A detail that cannot be read costs that detail alone. */
function orNull<T>(read: () => T): NonNullable<T> | null {
  try {
    return read() ?? null;
  } catch {
    return null;
  }
}
