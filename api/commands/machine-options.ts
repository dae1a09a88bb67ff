/** The options by which a command learns of the asker's machine, for the known leaks that may concern it. */
import { type Command, Option } from 'commander';

/** What the options of {@link addMachineOptions} give. */
export interface MachineOptions {
  windows?: string;
  driver?: string[];
}

/** How wrong values of them are reported. */
export const MACHINE_OPTION_NAMES = {
  code: 'invalid-usage',
  windows: '--windows',
  driver: '--driver',
} as const;

/** Adds `--windows` and `--driver`. */
export function addMachineOptions(command: Command): void {
  command
    .option(
      '--windows <build>',
      'the build of Windows, for known leaks: 10.0.26200, 10.0.26200.8875 or 26200',
    )
    .addOption(
      new Option(
        '--driver <file@version>',
        'a driver with its version, for known leaks; may be repeated',
      ).argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]),
    );
}
