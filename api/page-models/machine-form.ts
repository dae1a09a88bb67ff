/** The fields under known leaks in which readers say what their machine has, so that the page says which of them apply. */

/** What was typed, and what was wrong with it. */
export interface MachineForm {
  /** Where the form goes: the page it stands on. */
  action: string;
  windows: string;
  driver: string;
  /** A sentence; null where all could be read. */
  problem: string | null;
  /** The words of a list's filter, to be kept. */
  q?: string;
}

/** `npcap.sys@0.9988, ntfs.sys@10.0.26100.1`: people separate them by commas or blanks. */
export function driversTyped(text: string): string[] {
  return text.split(/[\s,;]+/).filter(part => part !== '');
}
