/** Numbers as the reasons of a verdict name them. */

const SIZES: [bytes: number, unit: string][] = [
  [2 ** 40, 'TB'],
  [2 ** 30, 'GB'],
  [2 ** 20, 'MB'],
  [2 ** 10, 'KB'],
];

/** `1.2 MB`, `115 KB`, `300 bytes`: three digits at most beside those of thousands, 1 KB being 1,024 bytes. */
export function sizeWords(bytes: number): string {
  const size = Math.abs(bytes);
  for (const [unitBytes, unit] of SIZES) {
    // What rounds to 1,024 of the smaller unit is one of this.
    if (size >= unitBytes * 0.9995) return `${threeDigits(bytes / unitBytes)} ${unit}`;
  }
  const whole = Math.round(bytes);
  return `${whole} ${Math.abs(whole) === 1 ? 'byte' : 'bytes'}`;
}

/** `12,345`; `0.25` where it is small. */
export function countWords(count: number): string {
  return Math.abs(count) >= 100 || Number.isInteger(count)
    ? Math.round(count).toLocaleString('en-US')
    : threeDigits(count);
}

/** `40 seconds`, `42 minutes`, `23.5 hours`, `7 days`. */
export function timeWords(hours: number): string {
  if (hours < 1 / 60) return plural(hours * 3_600, 'second');
  if (hours < 1) return plural(hours * 60, 'minute');
  if (hours < 72) return plural(hours, 'hour');
  return plural(hours / 24, 'day');
}

/** `12 %`, `0.4 %`. */
export function percentWords(part: number): string {
  const percent = part * 100;
  return `${Math.abs(percent) >= 10 || percent === 0 ? Math.round(percent) : percent.toPrecision(1)} %`;
}

export function plural(count: number, noun: string): string {
  const words = threeDigits(count);
  return `${words} ${words === '1' ? noun : `${noun}s`}`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toFixed(size >= 10 ? 1 : 2)));
}
