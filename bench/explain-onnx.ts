/** Where a step's time goes on the engine `compiled-cpu`, as ONNX Runtime's own profile has it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { elementCount } from '../extension/core/tensors';
import { compile } from '../extension/training/engines/compiled/compile';
import { OnnxProgram } from '../extension/training/engines/compiled/compiled-program';
import { CompiledState } from '../extension/training/engines/compiled/compiled-state';
import { estimateMemory } from '../extension/training/engines/compiled/explain';
import { loopModel } from '../extension/training/engines/compiled/loop';
import { writeModel } from '../extension/training/engines/compiled/onnx-writer';
import { sessionOptions } from '../extension/training/engines/compiled/session-options';
import { singleStepModel } from '../extension/training/engines/compiled/single-step';
import { SplitProgram } from '../extension/training/engines/compiled/split-program';
import { Updates, type ValuesOf } from '../extension/training/engines/compiled/updates/run-updates';
import { describeGraph, explainedCase, mebibytes, processMemory, spentLine, tally, type Explained, type Tally } from './explained-step';
import { median } from './median';

/** An event of ONNX Runtime's profile: of a node, or of something around it. */
interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[]; readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[] };
}

/** Milliseconds of updates, all steps together. */
class TimedUpdates extends Updates {
  milliseconds = 0;

  override run(values: ValuesOf): void {
    const start = performance.now();
    super.run(values);
    this.milliseconds += performance.now() - start;
  }
}

/** @param shapes operations that are also listed by the shapes they were given */
export async function explainOnnx(asked: Explained, shapes: readonly string[]): Promise<void> {
  const { steps, threads } = asked;
  const { program, state: values, batch } = explainedCase(asked);
  const { graph, split } = compile(program);
  const { onnx, ...io } = split ? singleStepModel(split.step, 'cpu') : loopModel(graph);
  const folder = mkdtempSync(path.join(tmpdir(), 'mim-explain-'));
  const session = await InferenceSession.create(writeModel(onnx), { ...sessionOptions('cpu', threads), enableProfiling: true, profileFilePrefix: path.join(folder, 'profile') });
  const updates = split && new TimedUpdates(graph, split.updates);
  const compiled = updates ? new SplitProgram(program, { session, io }, updates) : new OnnxProgram(program, { session, io });
  const state = new CompiledState(values);
  const milliseconds: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const start = performance.now();
    await compiled.run(state, [batch(step)]);
    milliseconds.push(performance.now() - start);
  }
  session.endProfiling();
  const kernels = kernelsOf(JSON.parse(readFileSync(path.join(folder, readdirSync(folder)[0]!), 'utf8')) as Event[]);
  rmSync(folder, { recursive: true });

  console.log(describeGraph(asked, graph));
  const inAll = kernels.reduce((sum, { dur }) => sum + dur, 0) / steps / 1000;
  console.log(`a step took ${median(milliseconds).toFixed(1)} ms (median of ${steps}, profiled), ${(kernels.length / steps).toFixed(0)} kernels ${inAll.toFixed(1)} ms`);
  const spentOf = (event: Event): { time: number; work: number } => ({ time: event.dur / steps / 1000, work: flopsOf(event) / steps });
  const line = (what: string, { count, time, work: flops }: Tally): string => spentLine(time, inAll, count / steps, `${what}${flops > 0 ? `  ${(flops / time / 1e6).toFixed(0)} GFLOP/s` : ''}`);
  for (const [op, spent] of tally(kernels.map((event) => [event.args!.op_name!, spentOf(event)]))) console.log(line(op, spent));
  if (updates) console.log(`${(updates.milliseconds / steps).toFixed(1).padStart(8)} ms in ${split!.updates.length} updates in place`);
  for (const wanted of shapes) {
    console.log(`${wanted}:`);
    const own = kernels.filter(({ args }) => args?.op_name === wanted);
    for (const [given, spent] of tally(own.map((event) => [shapesOf(event), spentOf(event)])).slice(0, 24)) console.log(line(given, spent));
  }
  const memory = estimateMemory(graph);
  console.log(`memory: constants ${mebibytes(memory.constants)}, state ${mebibytes(memory.state)}, activations at once ${mebibytes(memory.peakActivations)}; ${processMemory()}`);
  await compiled.dispose();
}

function kernelsOf(events: readonly Event[]): Event[] {
  return events.filter(({ cat, name, args }) => cat === 'Node' && name.endsWith('_kernel_time') && args?.op_name !== undefined && args.op_name !== 'Loop');
}

const firstShape = (shapes: readonly Readonly<Record<string, readonly number[]>>[] | undefined, at: number): readonly number[] => Object.values(shapes?.[at] ?? {})[0] ?? [];

function shapesOf({ args }: Event): string {
  const given = (args?.input_type_shape ?? []).map((each) => `[${Object.values(each)[0]!.join(', ')}]`);
  return `${given.join(' × ')} → [${firstShape(args?.output_type_shape, 0).join(', ')}]`;
}

/** 2·M·N·K: the result's numbers, by the left operand's numbers over the result's rows. */
function flopsOf({ args }: Event): number {
  // Gemm's third operand is its bias.
  if (!/Gemm|MatMul/.test(args?.op_name ?? '') || args!.input_type_shape!.length === 1) return 0;
  const [left, right, made] = [firstShape(args?.input_type_shape, 0), firstShape(args?.input_type_shape, 1), firstShape(args?.output_type_shape, 0)];
  // Whichever way the operands are turned, |A|·|B|·|C| = (batch·…)² for one product of M·N·K.
  const batches = elementCount(made.slice(0, -2));
  return 2 * Math.sqrt((elementCount(left) * elementCount(right) * elementCount(made)) / batches ** 3) * batches;
}
