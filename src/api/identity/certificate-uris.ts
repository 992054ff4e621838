// The URI subject alternative names of a certificate, read from its DER. Node prints alternative
// names as one string in which a crafted name can pose as several, so that string is never looked
// at. Strict DER: anything unexpected throws. RFC 5280, sections 4.1 and 4.2.1.6.

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const BOOLEAN = 0x01;
/** `[3] EXPLICIT Extensions` of TBSCertificate. */
const EXTENSIONS = 0xa3;
/** `uniformResourceIdentifier [6] IA5String` of GeneralName. */
const URI_NAME = 0x86;
/** id-ce-subjectAltName, 2.5.29.17. */
const SUBJECT_ALT_NAME = Buffer.from([0x55, 0x1d, 0x11]);

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/**
 * Every URI among the subject alternative names, in order, as the bytes say (latin1, so that no two
 * different byte strings become equal). Throws on malformed DER and on a second subjectAltName
 * extension.
 */
export function certificateUris(der: Buffer): string[] {
  const [certificate] = elements(der, 1);
  const [toBeSigned] = elements(contentOf(certificate, SEQUENCE));
  const fields = elements(contentOf(toBeSigned, SEQUENCE));
  const wrapped = fields.filter((field) => field.tag === EXTENSIONS);
  if (wrapped.length === 0) return [];
  const [extensions] = elements(contentOf(only(wrapped), EXTENSIONS), 1);
  const names = elements(contentOf(extensions, SEQUENCE))
    .map((extension) => subjectAltName(elements(contentOf(extension, SEQUENCE))))
    .filter((value) => value !== undefined);
  if (names.length === 0) return [];
  const [sequence] = elements(only(names), 1);
  return elements(contentOf(sequence, SEQUENCE))
    .filter((name) => name.tag === URI_NAME)
    .map((name) => name.content.toString('latin1'));
}

/** The value of an extension if it is subjectAltName: (oid, [critical], octets). */
function subjectAltName(parts: readonly Element[]): Buffer | undefined {
  const [oid, second, third] = parts;
  if (!contentOf(oid, OBJECT_ID).equals(SUBJECT_ALT_NAME)) return undefined;
  return contentOf(second?.tag === BOOLEAN ? third : second, OCTET_STRING);
}

function only<T>(values: readonly T[]): T {
  const [value] = values;
  if (values.length !== 1 || value === undefined) throw new Error('DER: not exactly one');
  return value;
}

function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new Error('DER: unexpected element');
  return element.content;
}

/** The elements that fill `bytes` exactly; with `count`, exactly so many. */
function elements(bytes: Buffer, count?: number): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at);
    if ((tag & 0x1f) === 0x1f) throw new Error('DER: long tag');
    const { length, start } = lengthAt(bytes, at + 1);
    if (start + length > bytes.length) throw new Error('DER: truncated');
    found.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  if (count !== undefined && found.length !== count) throw new Error('DER: wrong count');
  return found;
}

function lengthAt(bytes: Buffer, at: number): { length: number; start: number } {
  const first = bytes.readUInt8(at);
  if (first < 0x80) return { length: first, start: at + 1 };
  const size = first & 0x7f;
  if (size === 0 || size > 4) throw new Error('DER: indefinite or huge length');
  return { length: bytes.readUIntBE(at + 1, size), start: at + 1 + size };
}
