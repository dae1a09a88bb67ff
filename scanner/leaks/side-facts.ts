/** What snapshots tell beside the rows of tags: memory, processes, Verifier's drivers, single blocks, and remarks. */
import type {
  MemoryFacts,
  PoolBlock,
  PoolSnapshot,
  ProcessRow,
  ReadRemark,
  VerifiedDriver,
} from '../snapshots/pool-snapshot.ts';
import type { LeakReport } from './leak-report.ts';

/** A machine has some hundred processes; the ones with most handles are kept. */
const MAX_PROCESSES = 2_000;
const MAX_DRIVERS = 1_000;
/** Allocations that Verifier lists one by one, over all drivers. */
const MAX_ALLOCATIONS = 20_000;
const MAX_BLOCK_TAGS = 5_000;
/** More are only counted: a file of junk has one for each line. */
const MAX_REMARKS = 200;

export class SideFacts {
  memory: MemoryFacts = {};
  #memoryAtMs: number | undefined;
  #processes: ProcessRow[] = [];
  #processesAtMs: number | undefined;
  readonly #drivers = new Map<string, VerifiedDriver>();
  readonly #blocks = new Map<string, LeakReport['blocks'][number]>();
  readonly #remarks: ReadRemark[] = [];
  moreRemarks = 0;

  add({ memory, processes, verifier, blocks, takenAtMs }: PoolSnapshot): void {
    this.#addMemory(memory, takenAtMs);
    if (processes.length > 0 && !isOlder(takenAtMs, this.#processesAtMs)) {
      this.#processes = [...processes].sort(byHandles).slice(0, MAX_PROCESSES);
      this.#processesAtMs = takenAtMs;
    }
    for (const driver of verifier) this.#addDriver(driver);
    for (const block of blocks) this.#addBlock(block);
  }

  addRemark(remark: ReadRemark): void {
    if (this.#remarks.length < MAX_REMARKS) this.#remarks.push(remark);
    else this.moreRemarks++;
  }

  get processes(): ProcessRow[] {
    return [...this.#processes];
  }

  get verifier(): VerifiedDriver[] {
    return [...this.#drivers.values()];
  }

  /** Most bytes first. */
  get blocks(): LeakReport['blocks'] {
    return [...this.#blocks.values()].sort((a, b) => b.bytes - a.bytes);
  }

  get remarks(): ReadRemark[] {
    return [...this.#remarks];
  }

  /** The newest snapshot that tells a fact counts; one without a time is as new as it came. */
  #addMemory(memory: MemoryFacts, takenAtMs: number | undefined): void {
    if (Object.keys(memory).length === 0) return;
    if (isOlder(takenAtMs, this.#memoryAtMs)) this.memory = { ...memory, ...this.memory };
    else {
      this.memory = { ...this.memory, ...memory };
      this.#memoryAtMs = takenAtMs ?? this.#memoryAtMs;
    }
  }

  #addDriver(driver: VerifiedDriver): void {
    const key = driver.driver.toLowerCase();
    const isNew = !this.#drivers.has(key);
    if (isNew && this.#drivers.size >= MAX_DRIVERS) return;
    let listed = 0;
    for (const [name, known] of this.#drivers) if (name !== key) listed += known.allocations.length;
    const before = this.#drivers.get(key);
    const allocations = driver.allocations.length > 0 ? driver.allocations : (before?.allocations ?? []);
    this.#drivers.set(key, {
      ...before,
      ...driver,
      allocations: allocations.slice(0, Math.max(0, MAX_ALLOCATIONS - listed)),
    });
  }

  #addBlock(block: PoolBlock): void {
    const key = `${block.pool ?? ''} ${block.tag}`;
    let sum = this.#blocks.get(key);
    if (sum === undefined) {
      if (this.#blocks.size >= MAX_BLOCK_TAGS) return;
      sum = { tag: block.tag, pool: block.pool, count: 0, free: 0, bytes: 0 };
      this.#blocks.set(key, sum);
    }
    sum.count++;
    if (block.isFree) sum.free++;
    // Free blocks still carry the tag of their last owner, who holds them no more.
    else sum.bytes += block.sizeBytes;
  }
}

function isOlder(atMs: number | undefined, thanMs: number | undefined): boolean {
  return atMs !== undefined && thanMs !== undefined && atMs < thanMs;
}

function byHandles(a: ProcessRow, b: ProcessRow): number {
  return (b.handles ?? -1) - (a.handles ?? -1);
}
