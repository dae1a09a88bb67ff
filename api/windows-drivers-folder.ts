/** Where Windows keeps the drivers it runs. */
import path from 'node:path';

/**
 * The drivers folder of this computer; null elsewhere than on Windows. A 32-bit process on 64-bit Windows is shown
 * another, empty folder under System32, and finds the real one as Sysnative.
 */
export function windowsDriversFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | null {
  if (platform !== 'win32') return null;
  const systemRoot = env.SystemRoot || env.windir || 'C:\\Windows';
  return path.win32.join(systemRoot, env.PROCESSOR_ARCHITEW6432 ? 'Sysnative' : 'System32', 'drivers');
}
