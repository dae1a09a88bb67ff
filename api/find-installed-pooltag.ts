/** Finds the pooltag.txt that the WDK or the Debugging Tools for Windows have installed. */
import path from 'node:path';
import fg from 'fast-glob';

/** Below a program files folder, the best place first: newer kits before older ones, the debugger's copy before others. */
const PROGRAM_FILES_PATTERNS = [
  'Windows Kits/*/Debuggers/{x64,x86,arm64,arm}/triage/pooltag.txt',
  'Windows Kits/*/Tools/{,*/,*/*/,*/*/*/}pooltag.txt',
  'Debugging Tools for Windows*/triage/pooltag.txt',
];
/** Below the system drive: where the WDK stood before Windows 8. */
const DRIVE_PATTERNS = ['WinDDK/*/tools/other/*/pooltag.txt', 'Debuggers/triage/pooltag.txt'];

/**
 * The paths of installed copies, the one to prefer first; empty where there is none. They mostly say the same, so one is
 * enough. Unreadable folders count as empty.
 */
export async function findInstalledPooltag(env: NodeJS.ProcessEnv): Promise<string[]> {
  const programFiles = [env['ProgramFiles(x86)'], env.ProgramFiles, env.ProgramW6432];
  const searches = [...new Set(programFiles)].map(folder => find(folder, PROGRAM_FILES_PATTERNS));
  const drive = env.SystemDrive;
  // `C:` alone means the working folder of that drive.
  searches.push(find(drive && `${drive}/`, DRIVE_PATTERNS));
  return [...new Set((await Promise.all(searches)).flat())];
}

async function find(folder: string | undefined, patterns: readonly string[]): Promise<string[]> {
  if (!folder) return [];
  const found: string[] = [];
  for (const pattern of patterns) {
    const paths = await fg(pattern, {
      cwd: folder,
      absolute: true,
      caseSensitiveMatch: false,
      followSymbolicLinks: false,
      suppressErrors: true,
    });
    found.push(...paths.sort(newestFirst).map(one => path.normalize(one)));
  }
  return found;
}

/** Kits by number (10 before 8.1), and within a kit x64 before all others. */
function newestFirst(a: string, b: string): number {
  const byKit = withoutArch(b).localeCompare(withoutArch(a), 'en', { numeric: true });
  return byKit || Number(isX64(b)) - Number(isX64(a)) || (a < b ? -1 : 1);
}

function withoutArch(file: string): string {
  return file.toLowerCase().replace(/\/(x64|amd64|x86|i386|arm64|arm)\//, '/');
}

function isX64(file: string): boolean {
  return /\/(x64|amd64)\//i.test(file);
}
