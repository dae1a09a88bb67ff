/** Steps through DER with asn1-ts, which decodes an element's parts only when they are asked for. */
import { ASN1TagClass, DERElement } from 'asn1-ts';

/** Names and numbers that are compared or shown as hex; those of real certificates have a few hundred bytes. */
const MAX_HEX_BYTES = 4096;
const MAX_OID_BYTES = 64;

/** Bytes that are no DER where DER must stand, or another type than must stand there. */
export class NotDer extends Error {
  readonly code = 'not-der';
}

/** The element at the beginning of `bytes`; what follows it (padding) is not looked at. */
export function derElement(bytes: Uint8Array): DERElement {
  const element = new DERElement();
  element.fromBytes(bytes);
  return element;
}

/** The parts of a SEQUENCE, SET or explicitly tagged element. */
export function partsOf(element: DERElement | undefined): DERElement[] {
  if (element === undefined) throw new NotDer('A part is missing.');
  return element.sequence as DERElement[];
}

/** The only part, or the first, of an element. */
export function innerOf(element: DERElement | undefined): DERElement {
  const [inner] = partsOf(element);
  if (inner === undefined) throw new NotDer('A part is missing.');
  return inner;
}

/** The part with this context tag (`[0]`, `[1]`), where there is one. */
export function contextPart(parts: readonly DERElement[], tag: number): DERElement | undefined {
  return parts.find(({ tagClass, tagNumber }) => tagClass === ASN1TagClass.context && tagNumber === tag);
}

/** An object identifier as text: `1.2.840.113549.1.7.2`. */
export function oidOf(element: DERElement | undefined): string {
  if (element === undefined || element.value.length > MAX_OID_BYTES)
    throw new NotDer('No object identifier.');
  return element.objectIdentifier.toString();
}

/** Lower-case hex of an element's content. */
export function hexOf(element: DERElement | undefined): string {
  if (element === undefined || element.value.length > MAX_HEX_BYTES) throw new NotDer('No name or number.');
  return Array.from(element.value, byte => byte.toString(16).padStart(2, '0')).join('');
}
