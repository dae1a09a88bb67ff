/** Texts and times of certificates and signatures, made fit to be shown. */
import { ASN1TagClass, ASN1UniversalType, type DERElement } from 'asn1-ts';
import { innerOf, oidOf, partsOf } from './der.ts';
import { printableText } from './printable-text.ts';

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
/** X.520 allows 64 characters; longer texts are no names. */
const MAX_NAME = 256;
/** The longest encoding of such a name: four bytes a character. */
const MAX_NAME_BYTES = MAX_NAME * 4;

export interface X500Name {
  commonName: string | null;
  organization: string | null;
}

/** The two parts of a certificate's name that people know its owner by. */
export function x500Name(name: DERElement): X500Name {
  const found: X500Name = { commonName: null, organization: null };
  for (const set of partsOf(name)) {
    const [type, value] = partsOf(innerOf(set));
    const oid = oidOf(type);
    // The last is the most specific where a name has several.
    if (oid === COMMON_NAME) found.commonName = textOf(value) ?? found.commonName;
    if (oid === ORGANIZATION) found.organization = textOf(value) ?? found.organization;
  }
  return found;
}

/** What people call the owner of a name. */
export function shownName({ commonName, organization }: X500Name): string | null {
  return commonName ?? organization;
}

/** A character string of any of the types that certificates use; null where it holds nothing that can be shown. */
export function textOf({ value, tagNumber }: DERElement, type: ASN1UniversalType = tagNumber): string | null {
  const text = printableText(decoderOf(type)(value.subarray(0, MAX_NAME_BYTES)), MAX_NAME);
  return text === '' ? null : text;
}

function decoderOf(type: ASN1UniversalType): (bytes: Uint8Array) => string {
  if (type === ASN1UniversalType.utf8String) return bytes => new TextDecoder().decode(bytes);
  if (type === ASN1UniversalType.bmpString) return utf16BigEndian;
  // Teletex, printable and IA5 strings: real certificates have latin1 in them, whatever the standard says.
  return bytes => String.fromCharCode(...bytes);
}

function utf16BigEndian(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at + 2 <= bytes.length; at += 2)
    text += String.fromCharCode(bytes[at] * 256 + bytes[at + 1]);
  return text;
}

/** A UTCTime or GeneralizedTime as ISO 8601 UTC to the second; null where it is neither, or no time that there is. */
export function timeOf(element: DERElement | undefined): string | null {
  if (element === undefined || element.tagClass !== ASN1TagClass.universal) return null;
  const text = String.fromCharCode(...element.value.subarray(0, 32));
  const isShort = element.tagNumber === ASN1UniversalType.utcTime;
  if (!isShort && element.tagNumber !== ASN1UniversalType.generalizedTime) return null;
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text);
  if (match === null || (match[1].length === 2) !== isShort) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  // X.509: two digits from 50 on are of the last century.
  const fullYear = isShort ? year + (year >= 50 ? 1900 : 2000) : year;
  const iso = `${String(fullYear).padStart(4, '0')}-${match.slice(2, 4).join('-')}T${[hour, minute, second].map(n => String(n).padStart(2, '0')).join(':')}Z`;
  const date = new Date(iso);
  const isReal =
    !Number.isNaN(date.getTime()) && date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
  return isReal ? iso : null;
}
