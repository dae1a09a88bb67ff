/** Reads what `reg query HKLM\SYSTEM\CurrentControlSet\Services /s` prints: the drivers among this computer's services. */
import type { DriverService, DriverStart } from '../../data/facts.ts';

/** A driver's entry in the list, its image path as it is written there. */
export interface ServiceEntry extends DriverService {
  /** Undefined where the entry has none: Windows then takes `System32\drivers\NAME.sys`. */
  imagePath: string | undefined;
}

/** Windows has some 700 services, a crowded server 2,000. */
const MAX_SERVICES = 20_000;
/** Longer lines hold binary values, which are of no use here. */
const MAX_LINE_LENGTH = 4096;

const SERVICE_KEY =
  /^HKEY_LOCAL_MACHINE\\SYSTEM\\(?:CurrentControlSet|ControlSet\d{3})\\Services\\([^\\]{1,256})$/i;
const VALUE = /^ {4}(ImagePath|Start|Type) {4}(REG_SZ|REG_EXPAND_SZ|REG_DWORD) {4}(.*)$/i;

/** SERVICE_BOOT_START and so on, by their number. */
const STARTS: readonly DriverStart[] = ['boot', 'system', 'automatic', 'manual', 'disabled'];
/** SERVICE_KERNEL_DRIVER, SERVICE_FILE_SYSTEM_DRIVER and SERVICE_RECOGNIZER_DRIVER; all others are no drivers. */
const TYPES: ReadonlyMap<number, DriverService['type']> = new Map([
  [1, 'kernel-driver'],
  [2, 'file-system-driver'],
  [8, 'recognizer-driver'],
]);

/** The driver services of the text, in its order. What is not understood is passed over. */
export function readServiceList(text: string): ServiceEntry[] {
  const entries: ServiceEntry[] = [];
  let name: string | undefined;
  let values = new Map<string, string>();
  const finish = () => {
    const start = STARTS[dwordOf(values.get('start')) ?? -1];
    const type = TYPES.get(dwordOf(values.get('type')) ?? -1);
    if (name !== undefined && start !== undefined && type !== undefined) {
      entries.push({ name, start, type, imagePath: values.get('imagepath') });
    }
  };
  for (const line of linesOf(text)) {
    if (entries.length >= MAX_SERVICES) return entries;
    if (line.startsWith('HKEY_')) {
      finish();
      name = SERVICE_KEY.exec(line)?.[1];
      values = new Map();
    } else if (name !== undefined) {
      const [, value, , data] = VALUE.exec(line) ?? [];
      if (value !== undefined) values.set(value.toLowerCase(), data);
    }
  }
  finish();
  return entries;
}

function* linesOf(text: string): Generator<string> {
  for (let begin = 0; begin < text.length; ) {
    const found = text.indexOf('\n', begin);
    const end = found < 0 ? text.length : found;
    if (end - begin <= MAX_LINE_LENGTH) yield text.slice(begin, end).replace(/\r$/, '');
    begin = end + 1;
  }
}

function dwordOf(data: string | undefined): number | undefined {
  return data !== undefined && /^0x[0-9a-f]{1,8}$/i.test(data) ? Number(data) : undefined;
}
