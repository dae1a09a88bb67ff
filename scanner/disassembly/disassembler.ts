/** Disassembler: instructions of an image as text, one at a time, at addresses where they are known to begin. */

/** One instruction as a debugger shows it. */
interface DisassembledInstruction {
  rva: number;
  /** Bytes. */
  length: number;
  /** As they stand in memory: `41 b8 54 43 6f 6e`. */
  bytes: string;
  /** `mov r8d,6E6F4354h`: numbers as WinDbg writes them, addresses of the image as RVAs (`0x1a2b`) or names. */
  text: string;
  /** What it refers to, where the text cannot say it: `ntoskrnl.exe!ExAllocatePoolWithTag`. */
  note: string | null;
}

export interface Disassembler {
  /** The instruction that begins at an RVA; undefined where the image has no bytes for one. */
  at(rva: number): DisassembledInstruction | undefined;
  /** Gives back what JavaScript does not free by itself. */
  close(): void;
}

/** What the image calls an address: an import, an export, a symbol. */
export interface AddressNames {
  /** The function or variable at exactly this RVA. */
  nameOf(rva: number): string | undefined;
  /** The import that the loader puts into the slot at this RVA. */
  importAt(rva: number): string | undefined;
}
