import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schedule, type Candidate, type Machine } from '../../../extension/core/queue/schedule';

const machine: Machine = { threads: 8, gpus: [0, 1], memory: 16 };

function waiting(id: string, patch: Partial<Candidate> = {}): Candidate {
  return { id, phase: 'waiting', held: false, priority: 0, order: Number(id), after: [], needs: { device: 'cpu', memory: 1, threads: 1 }, ...patch };
}

const started = (candidates: readonly Candidate[], on = machine, paused = false): string[] => [...schedule(candidates, on, paused)].filter(([, { kind }]) => kind === 'start').map(([id]) => id);

const device = fc.oneof(fc.constantFrom('cpu' as const, 'gpu' as const).map((kind) => ({ device: kind })), fc.nat({ max: 2 }).map((gpu) => ({ device: 'gpu' as const, gpu })));
const needs = fc.tuple(device, fc.record({ memory: fc.double({ min: 0, max: 20, noNaN: true }), threads: fc.integer({ min: 0, max: 10 }) })).map(([taken, rest]) => ({ ...taken, ...rest }));

/** Any queue that can come about: ids name earlier entries, and what is at work fitted when it began. */
const queues = fc.array(fc.record({ held: fc.boolean(), priority: fc.integer({ min: -2, max: 2 }), needs, phase: fc.constantFrom('waiting' as const, 'done' as const, 'ended' as const), after: fc.array(fc.nat(), { maxLength: 2 }) }), { maxLength: 20 }).map((rows) =>
  rows.map(({ after, ...row }, order): Candidate => ({ ...row, id: String(order), order, after: order === 0 ? [] : [...new Set(after.map((index) => String(index % order)))] })),
);

const threadsOf = ({ needs: { threads } }: Candidate): number => (threads === 0 ? machine.threads : threads);

/** Plays the queue to its end; each round what is at work gets done in the order that `choose` gives. */
function play(candidates: readonly Candidate[], choose: (active: readonly Candidate[]) => Candidate, observe: (state: readonly Candidate[]) => void = () => undefined): Candidate[] {
  let state = [...candidates];
  for (;;) {
    const standings = schedule(state, machine);
    state = state.map((candidate) => {
      const standing = standings.get(candidate.id);
      return standing?.kind === 'start' ? { ...candidate, phase: 'active', ...(standing.gpu !== undefined && { gpu: standing.gpu }) } : candidate;
    });
    observe(state);
    const active = state.filter(({ phase }) => phase === 'active');
    if (active.length === 0) return state;
    const ended = choose(active).id;
    state = state.map((candidate) => (candidate.id === ended ? { ...candidate, phase: 'done' } : candidate));
  }
}

describe('what starts', () => {
  it('goes by priority, then age', () => {
    const candidates = [waiting('1', { needs: { device: 'cpu', memory: 1, threads: 8 } }), waiting('2', { priority: 1, needs: { device: 'cpu', memory: 1, threads: 8 } })];
    expect(started(candidates)).toEqual(['2']);
  });

  it('never takes more than the machine has, and no GPU twice', () => {
    fc.assert(
      fc.property(queues, fc.infiniteStream(fc.nat()), (candidates, picks) => {
        play(candidates, (active) => active[picks.next().value! % active.length]!, (state) => {
          const active = state.filter(({ phase }) => phase === 'active');
          expect(active.reduce((sum, one) => sum + threadsOf(one), 0)).toBeLessThanOrEqual(machine.threads);
          expect(active.reduce((sum, one) => sum + one.needs.memory, 0)).toBeLessThanOrEqual(machine.memory + 1e-9);
          const gpus = active.flatMap(({ gpu }) => gpu ?? []);
          expect(new Set(gpus).size).toBe(gpus.length);
          for (const one of active) expect(one.gpu).toBe(one.needs.gpu ?? one.gpu);
          expect(gpus).toHaveLength(active.filter(({ needs: { device } }) => device === 'gpu').length);
        });
      }),
    );
  });

  it('comes after all it depends on', () => {
    fc.assert(
      fc.property(queues, fc.infiniteStream(fc.nat()), (candidates, picks) => {
        const before = new Map<string, Candidate['phase']>(candidates.map(({ id, phase }) => [id, phase]));
        play(candidates, (active) => active[picks.next().value! % active.length]!, (state) => {
          for (const { id, phase, after } of state) if (phase === 'active' && before.get(id) === 'waiting') expect(after.map((dependency) => before.get(dependency)).every((of) => of === 'done')).toBe(true);
          for (const { id, phase } of state) before.set(id, phase === 'active' ? 'done' : phase);
        });
      }),
    );
  });

  it('is in the end everything that can: nothing starves, whatever ends first', () => {
    fc.assert(
      fc.property(queues, fc.infiniteStream(fc.nat()), (candidates, picks) => {
        const state = play(candidates, (active) => active[picks.next().value! % active.length]!);
        for (const [, standing] of schedule(state, machine)) expect(standing.kind).not.toBe('start');
        const left = new Map(state.filter(({ phase }) => phase === 'waiting').map((candidate) => [candidate.id, schedule(state, machine).get(candidate.id)!]));
        for (const [id, standing] of left) {
          const held = state.find((candidate) => candidate.id === id)!.held;
          // What is left is held, blocked, or comes after something that is held.
          if (standing.kind === 'waiting') expect(standing.reason).toMatch(/^comes after/);
          expect(standing.kind === 'held').toBe(held);
        }
      }),
    );
  });

  it('does not overtake one that is before it and needs the same', () => {
    const candidates = [
      { ...waiting('0', { needs: { device: 'cpu' as const, memory: 1, threads: 6 } }), phase: 'active' as const },
      waiting('1', { needs: { device: 'cpu', memory: 1, threads: 4 } }),
      waiting('2', { needs: { device: 'cpu', memory: 1, threads: 2 } }),
    ];
    expect(started(candidates)).toEqual([]);
    expect(schedule(candidates, machine).get('1')).toEqual({ kind: 'waiting', reason: 'waits for 4 threads' });
  });

  it('may overtake one that can never fit', () => {
    const candidates = [waiting('1', { priority: 9, needs: { device: 'cpu', memory: 64, threads: 1 } }), waiting('2')];
    expect(started(candidates)).toEqual(['2']);
    expect(schedule(candidates, machine).get('1')).toEqual({ kind: 'blocked', reason: 'needs 64 GiB of memory; there are 16 GiB' });
  });

  it('waits for the GPU that it names, and leaves the others', () => {
    const named = (id: string, gpu: number): Candidate => waiting(id, { needs: { device: 'gpu', gpu, memory: 1, threads: 1 } });
    const any = waiting('3', { needs: { device: 'gpu', memory: 1, threads: 1 } });
    const standings = schedule([{ ...named('0', 1), phase: 'active', gpu: 1 }, named('1', 1), named('2', 5), any], machine);
    expect(standings.get('1')).toEqual({ kind: 'waiting', reason: 'waits for GPU 1' });
    expect(standings.get('2')).toEqual({ kind: 'blocked', reason: 'needs GPU 5; there are 0, 1' });
    expect(standings.get('3')).toEqual({ kind: 'start', gpu: 0 });
    expect(schedule([named('1', 0), any], machine).get('3')).toEqual({ kind: 'start', gpu: 1 });
  });

  it('keeps the GPU that it names while it waits for something else', () => {
    const large = waiting('1', { needs: { device: 'gpu', gpu: 0, memory: 1, threads: 8 } });
    const other = waiting('2', { needs: { device: 'gpu', gpu: 0, memory: 1, threads: 1 } });
    const busy = { ...waiting('0'), phase: 'active' as const };
    expect([...schedule([busy, large, other], { ...machine, threads: 16 }).values()]).toEqual([{ kind: 'start', gpu: 0 }, { kind: 'waiting', reason: 'waits for GPU 0' }]);
    expect(schedule([busy, large, other], machine).get('2')).toEqual({ kind: 'waiting', reason: 'waits for GPU 0' });
  });

  it('is nothing while the queue is paused', () => {
    fc.assert(fc.property(queues, (candidates) => started(candidates, machine, true).length === 0));
  });

  it('counts what jobs at work will yet take of the memory that is free', () => {
    const active = { ...waiting('0', { needs: { device: 'cpu' as const, memory: 6, threads: 1 } }), phase: 'active' as const, resident: 2 };
    const next = waiting('1', { needs: { device: 'cpu', memory: 4, threads: 1 } });
    expect(started([active, next], { ...machine, memoryFree: 7 })).toEqual([]);
    expect(started([{ ...active, resident: 4 }, next], { ...machine, memoryFree: 7 })).toEqual(['1']);
  });
});

describe('an entry whose dependency did not get done', () => {
  const chain = [waiting('1', { phase: 'ended' }), waiting('2', { after: ['1'] }), waiting('3', { after: ['2'] })];

  it('is blocked, and so is what comes after it', () => {
    const standings = schedule(chain, machine);
    expect(standings.get('2')).toEqual({ kind: 'blocked', reason: '1, which it comes after, did not get done' });
    expect(standings.get('3')).toEqual({ kind: 'blocked', reason: '2, which it comes after, is blocked' });
  });

  it('goes on when that is done after all', () => {
    expect(started([waiting('1', { phase: 'done' }), ...chain.slice(1)])).toEqual(['2']);
  });
});
