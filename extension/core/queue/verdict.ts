/** What an attempt's end means for its entry: done, over, or to be gone on with, and how. */
import os from 'node:os';
import path from 'node:path';
import type { JobSpec } from '../jobs/job';
import { lastWords } from '../jobs/last-words';
import { tailOf } from '../jobs/output-tail';
import { isRun, RunDirectory } from '../runs/run-directory';
import { findStatus, runState } from '../runs/run-state';
import type { Attempt } from './attempt';
import type { EntryRecord } from './entry';
import { memoryKills, ranOutOfMemory } from './out-of-memory';
import type { Verdict } from './queue-files';

export type Judgement = Omit<Verdict, 'at'>;

export interface Circumstances {
  readonly cancelled: boolean;
  /** Attempts so far, this one included, since a person last asked for it. */
  readonly tries: number;
  /** The attempt was given up before a process claimed it. */
  readonly neverBegan: boolean;
}

/** Exit code of `mim cell` where another process works on the cell. */
const BUSY = 5;
const BUSY_MS = 30_000;
const VANISHED = 'Its process vanished: it was killed, or the machine went down.';

/** @param attempt one that is over */
export async function judge(entry: EntryRecord, attempt: Attempt, circumstances: Circumstances): Promise<Judgement> {
  const { exit, run } = attempt;
  const finished = exit?.state === 'done' || (run !== undefined && attempt.spec?.kind !== 'evaluate' && (await runState(run)) === 'finished');
  if (finished) return { state: 'done' };
  if (circumstances.cancelled) return { state: 'cancelled' };
  if (exit?.state === 'stopped') return (await endedWithMachine(attempt)) ? goOn(entry, attempt, 'The machine went down.') : { state: 'stopped', message: 'It was stopped.' };
  const output = await tailOf(path.join(attempt.folder, 'output.log'));
  if (exit?.code === BUSY && attempt.spec?.kind === 'cell') return { state: 'again', message: exit.message, next: attempt.spec, notBefore: new Date(Date.now() + BUSY_MS).toISOString() };
  if (exit?.state === 'failed') {
    const message = exit.message ?? lastWords(output);
    return ranOutOfMemory(message) ? afterWantOfMemory(entry, attempt, circumstances, message) : { state: 'failed', message };
  }
  if (ranOutOfMemory(output)) return afterWantOfMemory(entry, attempt, circumstances, lastWords(output));
  if (await killedForMemory(attempt)) return afterWantOfMemory(entry, attempt, circumstances, 'It was killed while the system was out of memory.');
  if (circumstances.neverBegan && output.trim() !== '') return { state: 'failed', message: lastWords(output) };
  return afterVanishing(entry, attempt, circumstances);
}

function afterVanishing(entry: EntryRecord, attempt: Attempt, { tries }: Circumstances): Promise<Judgement> | Judgement {
  if (tries < entry.maxAttempts) return goOn(entry, attempt, VANISHED);
  return { state: 'failed', message: `${VANISHED} That was attempt ${tries}; \`mim queue retry\` tries again.` };
}

/**
 * A training that has come past a checkpoint fits, and others took the memory: it goes on. One that has not is begun anew in
 * smaller passes, where its entry allows that.
 */
async function afterWantOfMemory(entry: EntryRecord, attempt: Attempt, { tries }: Circumstances, what: string): Promise<Judgement> {
  if ((await checkpointedStep(attempt.run)) > 0 && tries < entry.maxAttempts) return goOn(entry, attempt, what);
  const next = inSmallerPasses(entry, attempt, what);
  if (next !== undefined) return { state: 'again', message: `${what} It begins anew with optimizer.accumulate=${next.set!['optimizer.accumulate']}.`, next };
  return { state: 'failed', message: `${what} Lower \`optimizer.batch_size\`, raise \`optimizer.accumulate\`, or let fewer jobs run at once.` };
}

function inSmallerPasses({ spec, accumulate }: EntryRecord, attempt: Attempt, what: string): Extract<JobSpec, { kind: 'pretrain' }> | undefined {
  if (spec.kind !== 'pretrain') return undefined;
  const set = attempt.spec?.kind === 'pretrain' ? attempt.spec.set : undefined;
  const before = Number(set?.['optimizer.accumulate'] ?? 0);
  const now = accumulate.find((passes) => passes > before);
  if (now === undefined) return undefined;
  const note = `The attempt before ran out of memory (${what.split('\n', 1)[0]}); the batch is split into ${now} passes. The masks and other draws are not those of one pass.`;
  return { ...spec, set: { ...spec.set, ...set, 'optimizer.accumulate': String(now) }, note };
}

/** With its run where there is one, from the beginning otherwise. */
async function goOn(entry: EntryRecord, { run, spec }: Attempt, why: string): Promise<Judgement> {
  const trains = spec?.kind === 'pretrain' || spec?.kind === 'resume';
  if (trains && run !== undefined && (await isRun(run))) return { state: 'again', message: `${why} It goes on.`, next: { kind: 'resume', run } };
  return { state: 'again', message: `${why} It begins anew.`, next: spec ?? entry.spec };
}

/** A machine that goes down asks all processes to end, as a person would ask one. */
async function endedWithMachine({ exit, run }: Attempt): Promise<boolean> {
  const bootedAt = Date.now() - os.uptime() * 1000;
  if (Date.parse(exit!.at) >= bootedAt) return false;
  const status = run === undefined ? undefined : await findStatus(run);
  return status === undefined || /^SIG/.test(status.message ?? '');
}

async function killedForMemory({ launch }: Attempt): Promise<boolean> {
  const before = launch?.memoryKills;
  const now = await memoryKills();
  // Fewer than before: the machine was started anew.
  return before !== undefined && now !== undefined && now > before;
}

async function checkpointedStep(run: string | undefined): Promise<number> {
  if (run === undefined || !(await isRun(run))) return 0;
  return (await (await RunDirectory.open(run)).listCheckpoints()).at(-1)?.step ?? 0;
}
