/**
 * One rank of the measurement in scale.ts: runs as many steps as it is asked for on stdin (of rank 0) and answers with a line of JSON.
 * Started alone it is the run without ranks.
 */
import { createInterface } from 'node:readline';
import { joinRanks } from '../extension/training/distributed/join';
import type { Ranks } from '../extension/training/distributed/ranks';
import { SharedStep, spreadState, trainedNames } from '../extension/training/distributed/shared-step';
import { CompiledEngine } from '../extension/training/engines/compiled/compiled-engine';
import type { StateStore } from '../extension/training/engines/engine';
import { createStepRunner } from '../extension/training/step-runner';
import { timelineOf } from '../extension/training/timeline';
import { stepSizes, trainingCase, type StepSizeName } from './step-case';

/** Seconds of one step, means over those asked for. */
export interface RankTimes {
  readonly step: number;
  /** Processor time of rank 0 outside the exchange: what it computes, whoever else wants the processor. */
  readonly compute: number;
  /** Until the slowest rank had its gradients. */
  readonly wait: number;
  /** Summing the gradients, with all copies. */
  readonly exchange: number;
  /** Of that, the calls of MPI with packing. */
  readonly sum: number;
}

/** Seconds to sum so many values. */
export interface SumTimes {
  readonly values: number;
  readonly seconds: number;
}

/** What rank 0 is asked: steps, or a sum of so many values. */
type Order = { readonly steps: number } | { readonly sum: number } | { readonly end: true };

class TimedStep extends SharedStep {
  wait = 0;
  exchange = 0;
  /** Processor time in both. */
  processor = 0;

  constructor(
    private readonly among: Ranks,
    parts: number,
  ) {
    super(among, parts, trainedNames(programs));
  }

  override async sumGradients(state: StateStore): Promise<void> {
    const [start, before] = [performance.now(), processorSeconds()];
    this.among.gather(new Float32Array(1));
    const all = performance.now();
    await super.sumGradients(state);
    this.wait += (all - start) / 1000;
    this.exchange += (performance.now() - all) / 1000;
    this.processor += processorSeconds() - before;
  }
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const ranks = await joinRanks(undefined);
const size = stepSizes[process.argv[2] as StepSizeName];
const parts = ranks?.size ?? 1;
const { experiment, method, programs } = trainingCase(size, { parts });
const engine = await CompiledEngine.create({ threads: 1 });
const state = engine.createState(programs.initialState(0));
if (ranks) await spreadState(ranks, state, trainedNames(programs));
const shared = ranks && new TimedStep(ranks, parts);
const runner = await createStepRunner(engine, programs, method, experiment, timelineOf(experiment, size.batch * 1000), shared);
const own = size.batch / parts;
const images = Float32Array.from({ length: own * 3 * size.imageSize ** 2 }, (_, i) => Math.sin(i));
let step = 0;

interface Counters {
  readonly processor: number;
  readonly wait: number;
  readonly exchange: number;
  readonly sum: number;
}

const counters = (): Counters => ({ processor: processorSeconds() - (shared?.processor ?? 0), wait: shared?.wait ?? 0, exchange: shared?.exchange ?? 0, sum: ranks?.sumSeconds ?? 0 });

async function timed(count: number): Promise<RankTimes> {
  const before = counters();
  const start = performance.now();
  for (let i = 0; i < count; i++) await runner.run(state, [{ images, labels: new Int32Array(own), indices: new Int32Array(own), step: step++, epoch: 0 }]);
  const seconds = (performance.now() - start) / 1000 / count;
  const after = counters();
  const each = (key: keyof Counters): number => (after[key] - before[key]) / count;
  return { step: seconds, compute: each('processor'), wait: each('wait'), exchange: each('exchange'), sum: each('sum') };
}

function timedSum(values: number): SumTimes {
  const array = new Float32Array(values);
  ranks?.gather(new Float32Array(1));
  const start = performance.now();
  ranks?.sum([array]);
  return { values, seconds: (performance.now() - start) / 1000 };
}

const orders = ranks === undefined || ranks.leads ? createInterface({ input: process.stdin })[Symbol.asyncIterator]() : undefined;
for (;;) {
  const spoken = orders && (JSON.parse(((await orders.next()).value as string | undefined) ?? '{"end":true}') as Order);
  const order: Order = ranks ? await ranks.word(spoken) : spoken!;
  if ('end' in order) break;
  const answer = 'steps' in order ? await timed(order.steps) : timedSum(order.sum);
  if (orders) process.stdout.write(`${JSON.stringify(answer)}\n`);
}
ranks?.leave();
process.exit();
