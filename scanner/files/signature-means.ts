/** What reading signatures takes beyond the core: Node's digests, and an ASN.1 library that is loaded for signed files only. */
import { createHash } from 'node:crypto';
import type { SignatureMeans } from '../driver-signature.ts';
import { hasCertificates } from '../pe/certificate-table.ts';

/** Means to read the signature of this file; for a file without one the library stays unloaded. */
export async function signatureMeans(bytes: Uint8Array): Promise<SignatureMeans> {
  if (!hasCertificates(bytes)) return { readSignatures: () => undefined, digest };
  const { readSignatures } = await import('../pe/authenticode.ts');
  return { readSignatures, digest };
}

function digest(algorithm: string, parts: readonly Uint8Array[]): string | null {
  try {
    const hash = createHash(algorithm);
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  } catch {
    // An algorithm that OpenSSL does not have, or refuses in FIPS mode (MD5).
    return null;
  }
}
