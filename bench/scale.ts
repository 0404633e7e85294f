/**
 * Images per second of one training on 1, 2 and 4 ranks of one thread each, with the same batch split among them, in alternated short
 * rounds so that what else the machine does falls on all. One rank is the training without MPI. Prints medians, and the medians of the
 * rounds' ratios to one rank, of wall time and of the processor time of what a rank computes, which other programs disturb less; then
 * the time to sum as many values, from which latency and bandwidth follow.
 *
 *   npm run bench:scale -- [--size tiny] [--ranks 1,2,4] [--rounds 5] [--steps 2] [--json bench-scale.json]
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { median } from './median';
import type { RankTimes, SumTimes } from './scale-rank';
import { stepSizes, type StepSizeName } from './step-case';

const { values: options } = parseArgs({
  options: { size: { type: 'string', default: 'tiny' }, ranks: { type: 'string', default: '1,2,4' }, rounds: { type: 'string', default: '5' }, steps: { type: 'string', default: '2' }, json: { type: 'string' } },
});
const size = options.size as StepSizeName;
const shape = stepSizes[size];
if (!shape) throw new Error(`--size is one of ${Object.keys(stepSizes).join(', ')}`);
const [rounds, steps] = [Number(options.rounds), Number(options.steps)];
const counts = options.ranks.split(',').map(Number);

/** From where latency counts to where bandwidth does. */
const sumLengths = [1 << 10, 1 << 16, 1 << 20, 1 << 22];

interface Job {
  readonly count: number;
  ask<Answer>(order: object): Promise<Answer>;
}

function start(count: number): Job {
  const program = [process.execPath, 'dist/bench-scale-rank.mjs', size];
  const [command, ...args] = count === 1 ? program : ['mpirun', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '-n', String(count), ...program];
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    count,
    async ask<Answer>(order: object) {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`The ranks of ${count} ended.`);
      return JSON.parse(value) as Answer;
    },
  };
}

const jobs = counts.map(start);
const times = new Map<number, RankTimes[]>(counts.map((count) => [count, []]));
const sums = new Map<string, number[]>();
for (const job of jobs) await job.ask<RankTimes>({ steps: 1 });
for (let round = 0; round < rounds; round++) {
  for (const job of jobs) {
    times.get(job.count)!.push(await job.ask<RankTimes>({ steps }));
    if (job.count === 1) continue;
    for (const sum of sumLengths) {
      const key = `${job.count} ${sum}`;
      sums.set(key, [...(sums.get(key) ?? []), (await job.ask<SumTimes>({ sum })).seconds]);
    }
  }
}
for (const job of jobs) void job.ask({ end: true }).catch(() => undefined);

const ms = (seconds: number): string => (seconds * 1000).toFixed(1);
const of = (count: number, key: keyof RankTimes): number[] => times.get(count)!.map((time) => time[key]);
const rows = counts.map((count) => {
  const ratio = median(of(count, 'step').map((step, round) => of(counts[0]!, 'step')[round]! / step));
  return { ranks: count, imagesPerSecond: shape.batch / median(of(count, 'step')), ratio, computeRatio: median(of(count, 'compute').map((compute, round) => of(counts[0]!, 'compute')[round]! / compute)), step: median(of(count, 'step')), compute: median(of(count, 'compute')), wait: median(of(count, 'wait')), exchange: median(of(count, 'exchange')), sum: median(of(count, 'sum')), bestExchange: Math.min(...of(count, 'exchange')) };
});
console.log(`${size}, batch ${shape.batch}, 1 thread a rank, ${rounds} rounds of ${steps} steps, ${cpus().length} cores (${cpus()[0]?.model.trim()})`);
for (const { ranks, imagesPerSecond, ratio, step, wait, exchange, sum, bestExchange, compute, computeRatio } of rows) {
  console.log(`${ranks} ranks: ${imagesPerSecond.toFixed(2)} images/s, ${ratio.toFixed(2)} × ${counts[0]}; step ${ms(step)} ms, of which waiting ${ms(wait)}, exchange ${ms(exchange)} (sum ${ms(sum)}; best ${ms(bestExchange)}); computing ${ms(compute)} ms of processor time, ${computeRatio.toFixed(2)}`);
}
const sumRows = [...sums].map(([key, seconds]) => ({ ranks: Number(key.split(' ')[0]), values: Number(key.split(' ')[1]), seconds: median(seconds) }));
for (const { ranks, values, seconds } of sumRows) console.log(`sum of ${values} values over ${ranks} ranks: ${ms(seconds)} ms`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ size, shape, rounds, steps, cpu: cpus()[0]?.model, cores: cpus().length, rows, sumRows, times: Object.fromEntries(times) }, undefined, 2)}\n`);
