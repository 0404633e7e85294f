/** How the ranks stay at the same step: what they tell each other before and after each one. */
import { createHash } from 'node:crypto';
import { UserError } from '../../core/problems';
import { splitState } from '../checkpoint-state';
import type { StateStore } from '../engines/engine';
import type { StopSignal } from '../stop-signal';
import type { Ranks } from './ranks';

export class Agreement {
  constructor(
    private readonly ranks: Ranks,
    /** What this rank was asked. */
    private readonly signal: StopSignal,
    private readonly state: StateStore,
    /** Entries of the state; of them the parameters are compared. */
    private readonly names: readonly string[],
  ) {}

  /** Before a step: whether all leave here. Rank 0 decides; the others wait for it, however long it saves, evaluates or pauses. */
  async stops(): Promise<boolean> {
    return (await this.ranks.word({ stops: this.signal.requested })).stops;
  }

  /**
   * After a step: a rank's request to stop becomes everybody's.
   *
   * @param wanted whether this rank wants the step saved
   * @returns whether it is to be saved; then all ranks are known to hold the same parameters
   * @throws UserError MIM8104 where they do not
   */
  async saves(wanted: boolean): Promise<boolean> {
    const said = this.ranks.gather(Float32Array.of(this.signal.requested ? 1 : 0, wanted ? 1 : 0));
    const asked = said.findIndex(([stops]) => stops === 1);
    if (asked >= 0) this.signal.request(`rank ${asked} on ${this.ranks.members[asked]!.host} was asked to stop`);
    const saves = said.some(([stops, saves]) => stops === 1 || saves === 1);
    if (saves) await requireSameParameters(this.ranks, this.state, this.names);
    return saves;
  }
}

/** @throws UserError MIM8104 that names the ranks that differ from rank 0 */
export async function requireSameParameters(ranks: Ranks, state: StateStore, names: readonly string[]): Promise<void> {
  const { model, method } = splitState(await state.read(names));
  const hash = createHash('sha256');
  for (const { data } of Object.values({ ...model, ...method })) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const hashes = ranks.gatherText(hash.digest('hex'));
  const different = hashes.flatMap((found, rank) => (found === hashes[0] ? [] : [`${rank} (${ranks.members[rank]!.host})`]));
  if (different.length === 0) return;
  throw new UserError('MIM8104', `The parameters are no longer the same on all ranks: those of rank ${different.join(', ')} differ from rank 0's.`, 'The last checkpoint is good. Processors of different kinds may round differently: run all ranks on nodes of one kind (`#SBATCH --constraint`).');
}
