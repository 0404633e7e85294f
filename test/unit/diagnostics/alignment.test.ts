import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput, ResolvedExperiment } from '../../../extension/core/config/schema';
import type { AlignmentDiagnostics } from '../../../extension/core/runs/diagnostics';
import { alignmentDiagnostics, alignmentProgram, everyLevel } from '../../../extension/training/diagnostics/alignment';
import { inspectEncoder, studentInspection, teacherInspection, type Inspection } from '../../../extension/training/diagnostics/inspection';
import { ckaMatrix } from '../../../extension/training/diagnostics/level-diagnostics';
import { createEngine } from '../../../extension/training/engines/create';
import type { Engine, HostBatch, Program, Readings, StateStore } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import { lossState } from '../../../extension/training/methods/loss-state';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { prepareTeacher } from '../../../extension/training/teachers/prepare';
import { nativeHere } from '../../native-here';
import { MICRO_STUDENT, experiment, randomImages, randomTeacher } from '../model/experiments';

const BATCH = 6;
const images = Array.from({ length: 2 }, (_, i) => randomImages(new RandomStream(i, 'images'), BATCH, 16));
const teacher = randomTeacher();

function resolvedOf(input: Partial<ExperimentInput>): ResolvedExperiment {
  return experiment({ teacher: { checkpoint: 'teacher.safetensors' }, masking: { ratio: 0.5 }, optimizer: { batch_size: BATCH }, ...input }, { ...MICRO_STUDENT, dropPath: 0.2 });
}

describe.each(['tfjs-cpu', 'compiled-cpu', ...nativeHere] as const)('the alignment of every level, on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  const stateOf = (resolved: ResolvedExperiment): StateStore => engine.createState(trainingPrograms(createMethod(resolved, { teacher }), resolved).initialState(1));

  async function runOn(program: Program, state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    const compiled = await engine.compile(program);
    const runs: Readings[] = [];
    for (const batch of batches) runs.push((await compiled.run(state, [batch]))[0]!);
    await compiled.dispose();
    return runs;
  }

  async function inspected(program: Program, state: StateStore): Promise<Inspection> {
    return inspectEncoder(await engine.compile(program), state, 3, images.map(({ data }) => data as Float32Array));
  }

  const teacherOn = (resolved: ResolvedExperiment): Promise<Inspection> => inspected(teacherInspection(prepareTeacher(teacher, resolved.student, resolved.data), 16, BATCH), engine.createState({}));

  async function read(resolved: ResolvedExperiment): Promise<{ found: AlignmentDiagnostics; runs: Readings[]; batches: HostBatch[] }> {
    const method = everyLevel(resolved, teacher)!;
    const batches = images.map((batch, i) => ({ images: batch, ...method.draw(new RandomStream(i, 'masks'), BATCH) }));
    const runs = await runOn(alignmentProgram(method, resolved, BATCH), stateOf(resolved), batches);
    return { found: alignmentDiagnostics(runs, resolved.alignment.levels, await teacherOn(resolved)), runs, batches };
  }

  const variants: [string, ExperimentInput['alignment']][] = [
    ['linear', { levels: 'top2' }],
    ['sum, adapted first', { levels: 'mean', fusion: 'sum', order: 'adapt-then-mix' }],
    ['simple', { levels: 'out', fusion: 'simple', loss: 'l2', target_norm: 'l2' }],
  ];
  it.each(variants)('is at the weighted levels what the loss reads off: %s', async (_name, alignment) => {
    const resolved = resolvedOf({ alignment });
    const { found, batches } = await read(resolved);
    // Without drop-path, which a look from outside has not.
    const method = createMethod({ ...resolved, student: MICRO_STUDENT }, { teacher });
    const losses = await runOn({
      name: 'loss', state: lossState(method, resolved), constants: method.constants, batch: method.batchSpecs(BATCH),
      run: ({ state, constants, batch }) => ({ state: {}, readings: { ...method.loss(state, batch, { ...constants, ...state }).readings } }),
    }, stateOf(resolved), batches);
    const weighted = found.levels.filter(({ weight }) => weight > 0);
    expect(found.levels).toHaveLength(3);
    weighted.forEach((level, k) => {
      const mean = (name: string): number => losses.reduce((sum, readings) => sum + readings[name]!.data[k]!, 0) / losses.length;
      expect(level.loss).toBeCloseTo(mean('level_losses'), 4);
      expect(level.cosine).toBeCloseTo(mean('level_cosines'), 4);
    });
    for (const { cls, patches, loss } of found.levels) expect(loss).toBeCloseTo((cls.loss + 8 * patches.loss) / 9, 6);
  });

  it('says how much of the attention is visible, by its definition', async () => {
    const { found, runs } = await read(resolvedOf({ masking: { strategy: 'top_visible', ratio: 0.5 } }));
    let sum = 0;
    for (const { keep_ids: keepIds, scores } of runs) {
      for (let image = 0; image < BATCH; image++) {
        const of = (patch: number): number => scores!.data[image * 16 + patch]!;
        let [visible, all] = [0, 0];
        for (let k = 0; k < 8; k++) visible += of(keepIds!.data[image * 8 + k]!);
        for (let patch = 0; patch < 16; patch++) all += of(patch);
        sum += visible / all;
      }
    }
    expect(found.visibleAttention).toBeCloseTo(sum / (2 * BATCH), 6);
    expect(found.visibleAttention).toBeGreaterThan(0.55);
    expect(found.uniformAttention).toBe(0.5);
  });

  it('knows the attention also where the masks do not ask for it', async () => {
    const { found } = await read(resolvedOf({ masking: { strategy: 'random', ratio: 0.5 } }));
    expect(Math.abs(found.visibleAttention - 0.5)).toBeLessThan(0.1);
  });

  it('of a student that sees everything has no gap between the inputs', async () => {
    const resolved = resolvedOf({ masking: { ratio: 0 } });
    const { found } = await read(resolved);
    const whole = ckaMatrix(await inspected(studentInspection(resolved.student, BATCH), stateOf(resolved)), await teacherOn(resolved));
    found.visibleCka.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(whole[i]![j]!, 4)));
    expect([found.visibleAttention, found.uniformAttention]).toEqual([1, 1]);
  });
});

it('is of MaskAlign alone', () => {
  expect(everyLevel(experiment({ method: 'mae' }), undefined)).toBeUndefined();
});

it('reads the average of a student that teaches itself', () => {
  const resolved = resolvedOf({ teacher: { ema: {} } });
  const names = Object.keys(lossState(everyLevel(resolved, undefined)!, resolved));
  expect(names).toContain('ema.blocks.2.mlp.fc2.bias');
  expect(names.filter((name) => name.startsWith('ema.method.'))).toEqual([]);
});

