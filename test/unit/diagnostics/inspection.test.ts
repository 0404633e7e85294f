import { describe, expect, it } from 'vitest';
import type { VitShape } from '../../../extension/core/config/schema';
import { inspectEncoder, studentInspection, teacherInspection, type Inspection } from '../../../extension/training/diagnostics/inspection';
import { ckaMatrix, levelDiagnostics } from '../../../extension/training/diagnostics/level-diagnostics';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine, Program, StateStore } from '../../../extension/training/engines/engine';
import { NativeEngine } from '../../../extension/training/engines/native/native-engine';
import { studentFeatureProgram } from '../../../extension/training/evaluation/encoders';
import { initialVit } from '../../../extension/training/nn/initialise';
import { sinCosPositions } from '../../../extension/training/nn/positions';
import { plainVit } from '../../../extension/core/checkpoints/teacher-shape';
import { RandomStream } from '../../../extension/training/random';
import { nativeHere } from '../../native-here';

const shape: VitShape = { imageSize: 16, patchSize: 4, width: 16, depth: 3, heads: 2, mlpRatio: 2, dropPath: 0 };
const parameters = initialVit(new RandomStream(0, 'student'), shape);
const random = new RandomStream(0, 'pixels');
const BATCH = 5;
const batches = Array.from({ length: 2 }, () => Float32Array.from({ length: BATCH * 3 * 16 * 16 }, () => random.normal()));

const fastEngines: [string, () => Promise<Engine>][] = [['compiled', () => CompiledEngine.create({ threads: 1 })], ...nativeHere.map((kind): [string, () => Promise<Engine>] => [kind, () => NativeEngine.create({ threads: 1 })])];

async function inspected(engine: Engine, program: Program, state: StateStore): Promise<Inspection> {
  return inspectEncoder(await engine.compile(program), state, shape.depth, batches);
}

describe('an inspection', async () => {
  const eager = await EagerEngine.create('cpu');
  const found = await inspected(eager, studentInspection(shape, BATCH), eager.createState(parameters));

  it.each(fastEngines)('is the same on the %s engine, and of the same weights as a frozen teacher or as an average', async (_name, create) => {
    const compiled = await create();
    const averaged = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`ema.${name}`, value]));
    const frozen = { tensors: { ...parameters, pos_embed: sinCosPositions(shape.width, 4) }, shape: plainVit(shape) };
    const others = [
      await inspected(compiled, studentInspection(shape, BATCH, 'ema.'), compiled.createState(averaged)),
      await inspected(compiled, teacherInspection(frozen, shape.imageSize, BATCH), compiled.createState({})),
    ];
    for (const other of others) {
      for (const [level, reading] of levelDiagnostics(found).entries()) {
        const wanted = levelDiagnostics(other)[level]!;
        for (const [measure, value] of Object.entries(reading)) {
          const expected = wanted[measure as keyof typeof wanted]!;
          [value].flat().forEach((number, i) => expect(number, measure).toBeCloseTo([expected].flat()[i]!, 4));
        }
      }
    }
  });

  it('pools what the encoder puts out: the last level, normed, is its feature', async () => {
    const program = studentFeatureProgram(shape, BATCH);
    const [readings] = await (await eager.compile(program)).run(eager.createState(parameters), [{ images: { shape: [BATCH, 3, 16, 16], dtype: 'float32', data: batches[0]! } }]);
    // The fresh final norm only centres and scales each token, so that directions of the means stay alike.
    const feature = { features: readings!['mean']!.data as Float32Array, width: shape.width };
    const cka = ckaMatrix({ ...found, pooled: [found.pooled[2]!.slice(0, 1)] }, { ...found, pooled: [[feature.features]] });
    expect(cka[0]![0]).toBeGreaterThan(0.9);
  });

  it('is most like itself level by level', () => {
    const matrix = ckaMatrix(found, found);
    matrix.forEach((row, level) => {
      expect(row[level]).toBeCloseTo(1, 6);
      expect(Math.max(...row)).toBeCloseTo(1, 6);
    });
    expect(matrix[0]![2]).toBeCloseTo(matrix[2]![0]!, 6);
  });

  it('of images that are all the same says that features collapsed', async () => {
    const one = batches[0]!.subarray(0, 3 * 16 * 16);
    const same = Float32Array.from({ length: BATCH * one.length }, (_, i) => one[i % one.length]!);
    const collapsed = await inspectEncoder(await eager.compile(studentInspection(shape, BATCH)), eager.createState(parameters), shape.depth, [same, same]);
    for (const [level, { collapseStd, rankMe }] of levelDiagnostics(collapsed).entries()) {
      expect(collapseStd).toBeLessThan(1e-6);
      expect(rankMe).toBeLessThan(1.01);
      expect(levelDiagnostics(found)[level]!.collapseStd).toBeGreaterThan(0.01);
    }
  });
});
