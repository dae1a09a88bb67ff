/** The calls of Windows through koffi, the one file that imports it: loaded when asked for, since it is optional. */
import type { SystemCalls } from './live-source.ts';
import type { PointerBytes } from './pool-tag-records.ts';

/** The libraries that have the functions. Tests name stand-ins of their own. */
interface SystemLibraries {
  ntdll: string;
  psapi: string;
}

const WINDOWS_LIBRARIES: SystemLibraries = { ntdll: 'ntdll.dll', psapi: 'psapi.dll' };

const SYSTEM_POOL_TAG_INFORMATION = 22;

/** Either the calls, or why there are none: a sentence on what is missing and what to do. */
export type LoadedCalls = { calls: SystemCalls } | { missing: string };

/** Loads koffi and the functions. Sources: NtQuerySystemInformation (winternl.h) and GetPerformanceInfo (psapi.h). */
export async function loadSystemCalls(libraries = WINDOWS_LIBRARIES): Promise<LoadedCalls> {
  let koffi: typeof import('koffi');
  try {
    koffi = await import('koffi');
  } catch (error) {
    return {
      missing: `The package koffi, which calls Windows' own functions, cannot be loaded (${firstLine(error)}). Install it beside Pooltag: npm install koffi@3.3.4. Without it, poolmon -n FILE writes what pooltag leaks reads.`,
    };
  }
  try {
    // stdcall matters to 32-bit processes alone.
    const query = koffi
      .load(libraries.ntdll)
      .func(
        'int32_t __stdcall NtQuerySystemInformation(int32_t kind, _Out_ void *buffer, uint32_t bytes, _Out_ uint32_t *returned)',
      );
    const performance = koffi
      .load(libraries.psapi)
      .func('int32_t __stdcall GetPerformanceInfo(_Out_ void *buffer, uint32_t bytes)');
    const returned = new Uint32Array(1);
    return {
      calls: {
        pointerBytes: koffi.sizeof('void *') as PointerBytes,
        queryPoolTags(buffer) {
          returned[0] = 0;
          const status: number = query(SYSTEM_POOL_TAG_INFORMATION, buffer, buffer.length, returned);
          return { status: status >>> 0, returnedBytes: returned[0] };
        },
        readPerformance: buffer => performance(buffer, buffer.length) !== 0,
      },
    };
  } catch (error) {
    return {
      missing: `The functions NtQuerySystemInformation and GetPerformanceInfo of Windows cannot be called (${firstLine(error)}). Run pooltag watch on Windows itself.`,
    };
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split(/\r?\n/)[0];
}
