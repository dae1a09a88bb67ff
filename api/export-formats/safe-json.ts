/** JSON that is safe to print on a terminal. */

// What JSON.stringify leaves raw: DEL, C1 controls, separators and characters that turn the direction of writing.
const RAW_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The value as JSON in which every control character is escaped; the same value comes back from it. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    RAW_IN_JSON,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
