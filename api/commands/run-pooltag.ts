/** The program's front door: finds the command that is meant and loads that one alone. */
import { Option } from 'commander';
import { programVersion } from '../../data/project-files.ts';
import type { CommandIo } from './command-io.ts';
import { type CommandFunction, EXIT_USAGE, exitCodeOfError, newCommand } from './run-command.ts';

/** Every command by name; each is loaded only when it runs, so that `who` need not wait for the server's parts. */
const COMMANDS: Record<string, { summary: string; load(): Promise<CommandFunction> }> = {
  who: {
    summary: 'Who owns this pool tag?',
    load: async () => (await import('./who.ts')).who,
  },
  scan: {
    summary: 'Which pool tags do these drivers use?',
    load: async () => (await import('./scan.ts')).scan,
  },
  search: {
    summary: 'Find tags by words, owner, driver or a pattern.',
    load: async () => (await import('./search.ts')).search,
  },
  leaks: {
    summary: 'What is leaking, by the print-outs of PoolMon and its kin?',
    load: async () => (await import('./leaks.ts')).leaks,
  },
  annotate: {
    summary: 'Add the owner to each line of a text that shows a tag.',
    load: async () => (await import('./annotate.ts')).annotate,
  },
  suggest: {
    summary: 'Free pool tags for a driver of your own.',
    load: async () => (await import('./suggest.ts')).suggest,
  },
  watch: {
    summary: 'Watch the pools of this Windows computer: PoolMon with owners and verdicts.',
    load: async () => (await import('./watch.ts')).watch,
  },
  index: {
    summary: 'Fill the index of a Meilisearch server.',
    load: async () => (await import('./index.ts')).index,
  },
  serve: {
    summary: 'Answer in the browser and by REST.',
    load: async () => (await import('./serve.ts')).serve,
  },
};

const EXAMPLES = `
pooltag who Thre                       who owns the tag, how we know, and what to do next
pooltag scan C:\\drivers --format csv   the tags of every driver in a folder
pooltag search "mapped file"           tags by words
pooltag leaks pool-*.log --every 15m   what is leaking, by the logs of PoolMon
pooltag suggest "Contoso Filter"       free tags for a driver of your own
pooltag watch --log pool.jsonl         who takes this computer's pool memory, as it happens
pooltag serve                          the same in the browser, at http://127.0.0.1:3000
`;

/** Runs the program: its arguments without `node` and the script -> exit code. */
export async function runPooltag(argv: readonly string[], io: CommandIo): Promise<number> {
  const root = newCommand('pooltag', 'Who owns this Windows kernel pool tag?', EXAMPLES, io)
    .version(programVersion(), '-V, --version', 'show the version')
    .enablePositionalOptions()
    // Understood before the command as well as after it.
    .addOption(new Option('--format <format>').hideHelp())
    .addOption(new Option('--pooltag <file>').hideHelp())
    .addHelpText('after', 'pooltag COMMAND --help says more about a command.\n');
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    root.command(name).description(summary).allowUnknownOption().helpOption(false).argument('[...]');
  }
  try {
    const { operands, unknown } = root.parseOptions([...argv]);
    const [name, ...others] = operands;
    if (name === 'help' && others.length > 0) {
      const isCommand = Object.hasOwn(COMMANDS, others[0]);
      return await runPooltag(isCommand ? [others[0], '--help'] : [others[0]], io);
    }
    // What stands before the command (`pooltag --no-colour who Thre`) belongs to it too.
    const before = argv.slice(0, argv.length - unknown.length - 1);
    if (Object.hasOwn(COMMANDS, name ?? '')) return await run(name, [...before, ...unknown], io);
    if (argv.length === 0) {
      root.outputHelp({ error: true });
      return EXIT_USAGE;
    }
    await root.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOfError(error, 'pooltag', io);
  }
}

async function run(name: string, argv: readonly string[], io: CommandIo): Promise<number> {
  const command = await COMMANDS[name].load();
  return command(argv, io);
}
