/**
 * Where the time of a compiled training step goes: the operations of its graph, what each kind took as ONNX Runtime's own profile
 * has it, and the memory the graph needs.
 *
 *   npm run bench:explain -- [--size tiny] [--steps 6] [--threads 2] [--int8] [--cached] [--shapes Gemm]
 *
 * `--shapes Gemm,Add` also lists those operations by the shapes they were given, products with the rate they reached; of a
 * constant that was arranged beforehand the profile has no shape. A profiled step takes a few per cent longer.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession } from 'onnxruntime-node';
import { compile } from '../extension/training/engines/compiled/compile';
import { OnnxProgram } from '../extension/training/engines/compiled/compiled-program';
import { CompiledState } from '../extension/training/engines/compiled/compiled-state';
import { countOperations, estimateMemory } from '../extension/training/engines/compiled/explain';
import { loopModel } from '../extension/training/engines/compiled/loop';
import { writeModel } from '../extension/training/engines/compiled/onnx-writer';
import { sessionOptions } from '../extension/training/engines/compiled/session-options';
import { singleStepModel } from '../extension/training/engines/compiled/single-step';
import { SplitProgram } from '../extension/training/engines/compiled/split-program';
import { Updates, type ValuesOf } from '../extension/training/engines/compiled/updates/run-updates';
import { elementCount } from '../extension/core/tensors';
import { lookedCase, stepCase, stepSizes, type StepSizeName } from './step-case';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: 'tiny' },
    steps: { type: 'string', default: '6' },
    threads: { type: 'string', default: String(availableParallelism()) },
    int8: { type: 'boolean', default: false },
    cached: { type: 'boolean', default: false },
    shapes: { type: 'string', default: '' },
  },
});
const shape = stepSizes[options.size as StepSizeName];
const [steps, threads] = [Number(options.steps), Number(options.threads)];

function measuredCase(): ReturnType<typeof stepCase> {
  if (!options.cached) return stepCase(shape, { dtype: options.int8 ? 'int8' : 'float32' });
  const { program, state, batch, layout } = lookedCase(shape);
  const looks = Object.fromEntries(layout.fields.map(({ name, count }) => [name, new Float32Array(count * shape.batch).fill(1)]));
  return { program, state, batch: (step) => batch(step, looks) };
}

/** An event of ONNX Runtime's profile: of a node, or of something around it. */
interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[]; readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[] };
}

const { program, state: values, batch } = measuredCase();
const { graph, split } = compile(program);
const { onnx, ...io } = split ? singleStepModel(split.step, 'cpu') : loopModel(graph);
const folder = mkdtempSync(path.join(tmpdir(), 'mim-explain-'));
const session = await InferenceSession.create(writeModel(onnx), { ...sessionOptions('cpu', threads), enableProfiling: true, profileFilePrefix: path.join(folder, 'profile') });

/** Milliseconds of updates, all steps together. */
let updating = 0;
class TimedUpdates extends Updates {
  override run(values: ValuesOf): void {
    const start = performance.now();
    super.run(values);
    updating += performance.now() - start;
  }
}

const compiled = split ? new SplitProgram(program, { session, io }, new TimedUpdates(graph, split.updates)) : new OnnxProgram(program, { session, io });
const state = new CompiledState(values);
const seconds: number[] = [];
for (let step = 1; step <= steps; step++) {
  const start = performance.now();
  await compiled.run(state, [batch(step)]);
  seconds.push((performance.now() - start) / 1000);
}
session.endProfiling();
const events = JSON.parse(readFileSync(findProfile(), 'utf8')) as Event[];
rmSync(folder, { recursive: true });

function findProfile(): string {
  return path.join(folder, readdirSync(folder)[0]!);
}

const kernels = events.filter(({ cat, name, args }) => cat === 'Node' && name.endsWith('_kernel_time') && args?.op_name !== 'Loop');

interface Spent {
  count: number;
  microseconds: number;
  flops: number;
}

function tally(keyOf: (event: Event) => string | undefined): [string, Spent][] {
  const spent = new Map<string, Spent>();
  for (const event of kernels) {
    const key = keyOf(event);
    if (key === undefined) continue;
    const entry = spent.get(key) ?? { count: 0, microseconds: 0, flops: 0 };
    entry.count += 1;
    entry.microseconds += event.dur;
    entry.flops += flopsOf(event);
    spent.set(key, entry);
  }
  return [...spent].sort(([, a], [, b]) => b.microseconds - a.microseconds);
}

const firstShape = (shapes: readonly Readonly<Record<string, readonly number[]>>[] | undefined, at: number): readonly number[] => Object.values(shapes?.[at] ?? {})[0] ?? [];

function shapesOf({ args }: Event): string {
  const given = (args?.input_type_shape ?? []).map((each) => `[${Object.values(each)[0]!.join(', ')}]`);
  return `${given.join(' × ')} → [${firstShape(args?.output_type_shape, 0).join(', ')}]`;
}

/** 2·M·N·K: the result's numbers, by the left operand's numbers over the result's rows. */
function flopsOf({ args }: Event): number {
  // Gemm's third operand is its bias.
  if (!/Gemm|MatMul/.test(args?.op_name ?? '') || (args!.input_type_shape!.length === 1)) return 0;
  const [left, right, made] = [firstShape(args?.input_type_shape, 0), firstShape(args?.input_type_shape, 1), firstShape(args?.output_type_shape, 0)];
  // Whichever way the operands are turned, |A|·|B|·|C| = (batch·…)² for one product of M·N·K.
  const batches = elementCount(made.slice(0, -2));
  return 2 * Math.sqrt((elementCount(left) * elementCount(right) * elementCount(made)) / batches ** 3) * batches;
}

const inAll = kernels.reduce((sum, { dur }) => sum + dur, 0);
const perStep = (microseconds: number): string => `${(microseconds / steps / 1000).toFixed(1).padStart(8)} ms`;
console.log(`${options.size}, ${threads} threads: ${graph.nodes.length} operations in our graph (${countOperations(graph).map(([op, count]) => `${op} ${count}`).join(', ')})`);
console.log(`a step took ${(1000 * seconds.toSorted((a, b) => a - b)[Math.floor(steps / 2)]!).toFixed(1)} ms (median of ${steps}, profiled), ${(kernels.length / steps).toFixed(0)} kernels ${perStep(inAll).trim()}`);
for (const [op, { count, microseconds, flops }] of tally(({ args }) => args?.op_name)) {
  const rate = flops > 0 ? `  ${(flops / microseconds / 1000).toFixed(0)} GFLOP/s` : '';
  console.log(`${perStep(microseconds)} ${((100 * microseconds) / inAll).toFixed(1).padStart(5)} % ${(count / steps).toFixed(0).padStart(5)} × ${op}${rate}`);
}
if (split) console.log(`${perStep(1000 * updating)} in ${split.updates.length} updates in place`);
for (const wanted of options.shapes.split(',').filter((op) => op !== '')) {
  console.log(`${wanted}:`);
  for (const [shapes, { count, microseconds, flops }] of tally((event) => (event.args?.op_name === wanted ? shapesOf(event) : undefined)).slice(0, 24)) {
    console.log(`${perStep(microseconds)} ${(count / steps).toFixed(0).padStart(5)} × ${shapes}${flops > 0 ? `  ${(flops / microseconds / 1000).toFixed(0)} GFLOP/s` : ''}`);
  }
}
const memory = estimateMemory(graph);
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
console.log(`memory: constants ${mib(memory.constants)}, state ${mib(memory.state)}, activations at once ${mib(memory.peakActivations)}; the process ${mib(process.resourceUsage().maxRSS * 1024)}`);
await compiled.dispose();
