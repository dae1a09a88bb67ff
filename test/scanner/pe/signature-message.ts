/** PKCS#7 messages of Authenticode, written by hand for tests: what no signing tool at hand writes, and what none should. */

/** One DER element; `tag` is its first byte. */
export function der(tag: number, ...contents: (Uint8Array | readonly number[])[]): Uint8Array {
  const content = Buffer.concat(contents.map(part => Uint8Array.from(part)));
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff];
  return Buffer.concat([Uint8Array.from([tag, ...(length < 0x80 ? [length] : shortest(long))]), content]);
}

function shortest([form, ...octets]: number[]): number[] {
  if (form === 0x83 && octets[0] === 0) return [0x82, ...octets.slice(1)];
  return [form, ...octets];
}

export const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const set = (...parts: Uint8Array[]) => der(0x31, ...parts);
const integer = (value: number) => der(0x02, [value]);
export const utf8 = (text: string) => der(0x0c, Buffer.from(text));
export const utcTime = (text: string) => der(0x17, Buffer.from(text));
export const generalizedTime = (text: string) => der(0x18, Buffer.from(text));
const utf16BigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();
export const bmp = (text: string) => der(0x1e, utf16BigEndian(text));

/** `1.2.840.113549.1.7.2`. */
export function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap(arc => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left % 128) | 0x80);
    }
    return groups;
  });
  return der(0x06, octets);
}

export const attribute = (type: string, ...values: Uint8Array[]) => sequence(oid(type), set(...values));

/** A distinguished name: one SET for each pair. */
export const name = (...pairs: [type: string, value: Uint8Array][]) =>
  sequence(...pairs.map(([type, value]) => set(sequence(oid(type), value))));
export const COMMON_NAME = '2.5.4.3';
export const ORGANIZATION = '2.5.4.10';
const ISSUER = name([COMMON_NAME, utf8('Test authority')]);

export interface MessageSpec {
  /** The signer's name; null leaves its certificate out. */
  subject?: Uint8Array | null;
  /** Certificates of version 1 have no version field. */
  isVersion1?: boolean;
  digestAlgorithm?: string;
  digest?: Uint8Array;
  contentType?: string;
  signed?: Uint8Array[];
  unsigned?: Uint8Array[];
  /** In place of issuer and serial number. */
  identity?: Uint8Array;
  signers?: number;
}

const SHA256 = '2.16.840.1.101.3.4.2.1';
export const OIDS = {
  signingTime: '1.2.840.113549.1.9.5',
  countersignature: '1.2.840.113549.1.9.6',
  timestamp: '1.3.6.1.4.1.311.3.3.1',
  opusInfo: '1.3.6.1.4.1.311.2.1.12',
  nested: '1.3.6.1.4.1.311.2.4.1',
} as const;

/** A whole message; by default of one signer, "Contoso Ltd", over thirty-two bytes of 0xab as the SHA-256 digest. */
export function signatureMessage(spec: MessageSpec = {}): Uint8Array {
  const { subject = name([COMMON_NAME, utf8('Contoso Ltd')]), signers = 1 } = spec;
  const digestInfo = sequence(
    sequence(oid(spec.digestAlgorithm ?? SHA256), der(0x05)),
    der(0x04, spec.digest ?? new Uint8Array(32).fill(0xab)),
  );
  const content = sequence(sequence(oid('1.3.6.1.4.1.311.2.1.15')), digestInfo);
  const certificate = sequence(
    sequence(
      ...(spec.isVersion1 ? [] : [der(0xa0, integer(2))]),
      integer(7),
      sequence(oid('1.2.840.113549.1.1.11')),
      ISSUER,
      sequence(utcTime('240101000000Z'), utcTime('340101000000Z')),
      subject ?? name(),
    ),
  );
  const signer = signerInfo(spec.signed ?? [], spec.unsigned ?? [], spec.identity);
  return signedData(spec.contentType ?? '1.3.6.1.4.1.311.2.1.4', content, {
    certificates: subject === null ? [] : [certificate],
    signers: Array.from({ length: signers }, () => signer),
  });
}

export function signerInfo(signed: Uint8Array[], unsigned: Uint8Array[], identity?: Uint8Array): Uint8Array {
  return sequence(
    integer(1),
    identity ?? sequence(ISSUER, integer(7)),
    sequence(oid(SHA256)),
    ...(signed.length > 0 ? [der(0xa0, ...signed)] : []),
    sequence(oid('1.2.840.113549.1.1.1')),
    der(0x04, [1, 2, 3]),
    ...(unsigned.length > 0 ? [der(0xa1, ...unsigned)] : []),
  );
}

export function signedData(
  contentType: string,
  content: Uint8Array,
  { certificates = [], signers = [] }: { certificates?: Uint8Array[]; signers?: Uint8Array[] } = {},
): Uint8Array {
  return sequence(
    oid('1.2.840.113549.1.7.2'),
    der(
      0xa0,
      sequence(
        integer(1),
        set(),
        sequence(oid(contentType), der(0xa0, content)),
        ...(certificates.length > 0 ? [der(0xa0, ...certificates)] : []),
        set(...signers),
      ),
    ),
  );
}

/** An RFC 3161 token of this time. */
export function timestampToken(time: Uint8Array): Uint8Array {
  const info = sequence(integer(1), oid('1.2.3'), sequence(), integer(5), time);
  return signedData('1.2.840.113549.1.9.16.1.4', der(0x04, info));
}

/** SpcSpOpusInfo with a program name: UTF-16 where it begins with tag 0x80, one-byte characters with 0x81. */
export function opusInfo(tag: 0x80 | 0x81, text: string): Uint8Array {
  const bytes = tag === 0x80 ? utf16BigEndian(text) : Buffer.from(text, 'latin1');
  return attribute(OIDS.opusInfo, sequence(der(0xa0, der(tag, bytes))));
}
