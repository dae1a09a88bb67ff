/** Why a file gives no symbols: a value, since a bad PDB costs the names and never the scan. */

/** The end of the sentence "foo.pdb cannot be used: ...", without a full stop. */
export class PdbProblem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}
