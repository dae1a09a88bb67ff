/** Bytes, rates and times as people say them. */

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Windows and its tools count so. */
const BYTES_PER_STEP = 1024;

/** A unit for sizes up to this one: `{ name: 'MB', bytes: 1048576 }`. */
export function sizeUnit(bytes: number): { name: string; bytes: number } {
  const size = Math.abs(bytes);
  let step = 0;
  // What would be rounded to 1,024 KB is 1 MB.
  while (step < UNITS.length - 1 && size / BYTES_PER_STEP ** step >= BYTES_PER_STEP - 0.5) step++;
  return { name: UNITS[step], bytes: BYTES_PER_STEP ** step };
}

/** `912 bytes`, `1.4 KB`, `149 MB`: units of 1,024 as Windows uses them, three digits at most. */
export function bytesInWords(bytes: number): string {
  const size = Math.abs(bytes);
  if (size < 1) return '0 bytes';
  const unit = sizeUnit(size);
  const value = size / unit.bytes;
  const shown = unit.bytes === 1 ? count(value) : fractionInWords(value);
  const word = unit.bytes === 1 && shown === '1' ? 'byte' : unit.name;
  return `${bytes < 0 ? '-' : ''}${shown} ${word}`;
}

function trimZero(text: string): string {
  return text.endsWith('.0') ? text.slice(0, -2) : text;
}

/** `1,234,567`; by hand, because loading the groupings of all languages takes 9 ms. */
export function count(number: number): string {
  if (!Number.isFinite(number)) return String(number);
  const digits = Math.abs(Math.round(number)).toFixed(0);
  return `${number < 0 ? '-' : ''}${digits.replace(/\B(?=(\d{3})+$)/g, ',')}`;
}

/** `12,345`, `0.25`: a rate or a mean, of which small ones have a fraction. */
export function fractionInWords(number: number): string {
  const size = Math.abs(number);
  return size >= 99.95 ? count(number) : String(Number(number.toFixed(size >= 10 ? 1 : 2)));
}

/** `1 tag`, `48 snapshots`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** The units of a duration: their hours, from how many of them on they are used (36 hours rather than 1.5 days), and up to how many a decimal counts. */
const DURATIONS: readonly [name: string, hours: number, fewest: number, exact: number][] = [
  ['year', 24 * 365.25, 2, 10],
  ['day', 24, 2, 10],
  ['hour', 1, 1, 100],
  ['minute', 1 / 60, 1, 10],
  ['second', 1 / 3600, 0, 10],
];
/** From so many on, the time tells nothing that people could use. */
const MAX_HOURS = 24 * 365.25 * 100;

/** `23.5 hours`, `3 days`, `40 minutes`; `more than a hundred years` where it is no use to say when. */
export function hoursInWords(hours: number): string {
  if (!(hours < MAX_HOURS)) return 'more than a hundred years';
  const size = Math.max(0, hours);
  const [name, each, , exact] = DURATIONS.find(([, one, fewest]) => size >= one * fewest)!;
  const value = Math.round((size / each) * 10) / 10;
  const shown = value >= exact ? count(value) : trimZero(value.toFixed(1));
  return `${shown} ${name}${shown === '1' ? '' : 's'}`;
}

/** `42 %`, `less than 1 %`. */
export function shareInWords(share: number): string {
  return share > 0 && share < 0.005 ? 'less than 1 %' : `${Math.round(share * 100)} %`;
}

/** `A, B and C`; of more than `most` names the rest is counted. */
export function listInWords(names: readonly string[], most = 3): string {
  const shown = names.slice(0, names.length > most ? most - 1 : most);
  const rest = names.length - shown.length;
  const parts = rest > 0 ? [...shown, `${count(rest)} others`] : shown;
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
