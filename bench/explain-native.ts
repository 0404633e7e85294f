/** Where a step's time goes on the engine `native`, by the clocks that its driver counts around each call of a kernel. */
import koffi from 'koffi';
import { compile } from '../extension/training/engines/compiled/compile';
import { Assembler } from '../extension/training/engines/native/assembler';
import { readClock } from '../extension/training/engines/native/clock';
import { CodeMemory } from '../extension/training/engines/native/host-memory';
import { NativeEngine } from '../extension/training/engines/native/native-engine';
import { NativeProgram } from '../extension/training/engines/native/native-program';
import { NativeState } from '../extension/training/engines/native/native-state';
import { describeGraph, explainedCase, mebibytes, processMemory, spentLine, tally, type Explained } from './explained-step';

type Profile = ReturnType<NativeProgram['profile']>;

export async function explainNative(asked: Explained): Promise<void> {
  const { steps, threads, int8 } = asked;
  const { program, state: values, batch } = explainedCase(asked);
  const engine = await NativeEngine.create({ threads, int8 });
  const compiled = await engine.compile(program);
  const state = engine.createState(values);
  if (!(compiled instanceof NativeProgram) || !(state instanceof NativeState)) throw new Error('The engine made a program of another kind.');
  await compiled.run(state, [batch(1)]);
  const before = compiled.profile(state);
  const start = performance.now();
  for (let step = 2; step <= steps + 1; step++) await compiled.run(state, [batch(step)]);
  const took = (performance.now() - start) / steps;
  const rounds = since(before, compiled.profile(state));

  console.log(describeGraph(asked, compile(program, { device: 'native' }).graph));
  console.log(`a step took ${took.toFixed(1)} ms (mean of ${steps}), ${rounds.length} rounds of ${rounds.flat().length} kernels`);
  const perMillisecond = clocksPerMillisecond();
  const spent = tally(rounds.flat().map(({ name, work, clocks }) => [name, { time: clocks / perMillisecond / steps, work }]));
  const all = threads * took;
  for (const [name, { count, time, work }] of spent) console.log(spentLine(time, all, count, `${name}  ${((1e6 * time) / work).toFixed(2)} ns a unit of work`));
  const working = spent.reduce((sum, [, { time }]) => sum + time, 0);
  console.log(`${(all - working).toFixed(1).padStart(8)} ms ${((100 * (all - working)) / all).toFixed(1).padStart(5)} %         between kernels and waiting; all of ${threads} threads together`);
  const { constants, batch: given, activations, local, code } = compiled.memory();
  console.log(`memory: constants ${mebibytes(constants)}, state ${mebibytes(Object.values(values).reduce((sum, { data }) => sum + data.byteLength, 0))}, batch ${mebibytes(given)}, activations at once ${mebibytes(activations)}, of each thread ${mebibytes(local)}, code ${mebibytes(code)}; ${processMemory()}`);
  await compiled.dispose();
}

function since(before: Profile, now: Profile): Profile {
  return now.map((kernels, round) => kernels.map((kernel, i) => ({ ...kernel, clocks: kernel.clocks - before[round]![i]!.clocks })));
}

/** Of the clock that the driver reads. */
function clocksPerMillisecond(): number {
  const asm = new Assembler();
  readClock(asm);
  asm.ret();
  const code = new CodeMemory(asm.code());
  const clock = koffi.decode(BigInt(code.address), koffi.proto('int64_t ()')) as () => number | bigint;
  const [start, from] = [performance.now(), Number(clock())];
  while (performance.now() < start + 50);
  const [to, end] = [Number(clock()), performance.now()];
  code.free();
  return (to - from) / (end - start);
}
