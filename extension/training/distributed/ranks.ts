/**
 * The processes that train one run together, as each of them sees them: MPI's ranks 0 … size − 1.
 *
 * All calls but `abort` are collective: every rank makes the same ones in the same order, and each waits for the others.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MpiLibrary } from './mpi-library';
import { sumInRankOrder } from './ordered-sum';

/** Where one rank runs. */
export interface Member {
  readonly host: string;
  readonly pid: number;
  /** Processors it may run on, as the system writes them; ranks of one host that name the same share them. */
  readonly processors: string;
  /** How many those are. */
  readonly cores: number;
}

/** Longer texts are sent in a second message. */
const HEADER_BYTES = 4096;
const LENGTH_BYTES = 4;

/** Well within what the counts of MPI, which are ints, can say. */
const MAX_MESSAGE = 1 << 28;

/** For this long a rank looks without pause whether rank 0 has spoken, which between two steps it has; then it sleeps in between. */
const EAGER_MS = 20;
const NAP_MS = 10;

export class Ranks {
  readonly rank: number;
  readonly size: number;
  /** By rank. */
  readonly members: readonly Member[];
  /** Seconds spent in the sums of gradients so far. */
  sumSeconds = 0;
  private left = false;

  constructor(
    private readonly mpi: MpiLibrary,
    self: Member,
  ) {
    this.rank = mpi.rank();
    this.size = mpi.size();
    this.members = this.gatherText(JSON.stringify(self)).map((text) => JSON.parse(text) as Member);
  }

  /** Rank 0 owns the run directory and speaks for all. */
  get leads(): boolean {
    return this.rank === 0;
  }

  /** Its place among the ranks of its machine. */
  get localRank(): number {
    return this.members.slice(0, this.rank).filter(({ host }) => host === this.members[this.rank]!.host).length;
  }

  /** For environment.json. */
  describe(): { readonly ranks: number; readonly hosts: readonly string[]; readonly mpi: string } {
    return { ranks: this.size, hosts: this.members.map(({ host }) => host), mpi: this.mpi.version() };
  }

  /** For the person who started the training. */
  summary(): string {
    const hosts = [...new Set(this.members.map(({ host }) => host))];
    return `${this.size} ranks on ${hosts.length === 1 ? hosts[0] : `${hosts.length} hosts (${hosts.join(', ')})`} share each batch, joined by ${this.mpi.version()}`;
  }

  /** Compute threads that each rank may use without taking another's cores: the same number on every rank. */
  get threads(): number {
    const sharing = ({ host, processors }: Member): number => this.members.filter((other) => other.host === host && other.processors === processors).length;
    return Math.max(1, Math.min(...this.members.map((member) => Math.floor(member.cores / sharing(member)))));
  }

  /**
   * Every array's values become their sums over the ranks, added in the order of the ranks: the same bits on every rank, and those of
   * one process that adds them one after another.
   */
  sum(arrays: readonly Float32Array[]): void {
    const start = performance.now();
    sumInRankOrder(this.mpi, this.size, arrays);
    this.sumSeconds += (performance.now() - start) / 1000;
  }

  /** Every rank's values, by rank; all give equally many. */
  gather(values: Float32Array): Float32Array[] {
    const all = new Float32Array(values.length * this.size);
    this.mpi.allGather(values, all);
    return Array.from({ length: this.size }, (_, rank) => all.slice(rank * values.length, (rank + 1) * values.length));
  }

  /** Every rank's text, by rank. */
  gatherText(text: string): string[] {
    const own = Buffer.from(text);
    const lengths = this.gather(Float32Array.of(own.length)).map(([length]) => length!);
    const each = Math.max(...lengths);
    const all = Buffer.alloc(each * this.size);
    this.mpi.allGatherBytes(Buffer.concat([own], each), all);
    return lengths.map((length, rank) => all.toString('utf8', rank * each, rank * each + length));
  }

  /**
   * What rank 0 says, on every rank. Rank 0 may take long to come to it (it evaluates, or waits in a pause): meanwhile the others
   * sleep, and hear signals.
   */
  async word<Word>(spoken: Word | undefined): Promise<Word> {
    const text = Buffer.from(this.leads ? JSON.stringify(spoken) : '');
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(text.length);
    text.copy(header, LENGTH_BYTES);
    await this.patiently(this.mpi.beginBroadcast(header));
    const length = header.readUInt32LE();
    const fits = length <= HEADER_BYTES - LENGTH_BYTES;
    const whole = fits ? header.subarray(LENGTH_BYTES, LENGTH_BYTES + length) : this.leads ? text : Buffer.alloc(length);
    if (!fits) this.mpi.broadcastBytes(whole);
    return JSON.parse(whole.toString('utf8')) as Word;
  }

  /** Rank 0's values replace those of the others. */
  spread(values: Float32Array | Int32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let start = 0; start < bytes.length; start += MAX_MESSAGE) this.mpi.broadcastBytes(bytes.subarray(start, start + MAX_MESSAGE));
  }

  /** To be called on every rank once nothing is left to say. */
  leave(): void {
    if (this.left) return;
    this.left = true;
    this.mpi.finalize();
  }

  /** Ends all ranks at once, unless they have already parted. */
  abort(exitCode: number): void {
    if (this.left) return;
    this.left = true;
    this.mpi.abort(exitCode);
  }

  private async patiently(isDone: () => boolean): Promise<void> {
    const start = performance.now();
    while (!isDone()) {
      if (performance.now() - start < EAGER_MS) await new Promise((resolve) => setImmediate(resolve));
      else await sleep(NAP_MS);
    }
  }
}
