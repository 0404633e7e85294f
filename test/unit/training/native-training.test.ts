/** Trainings on the native engine: what is around them, and that a pause changes no bit. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { noNative } from '../../native-here';
import { keepsWhatSurroundsATraining } from './around-training';
import { lossesOf, studentOf } from './run-results';

describe.skipIf(noNative !== undefined)('a training in machine code', () => {
  keepsWhatSurroundsATraining(['native']);

  describe('on two threads', () => {
    let folder: string;
    const started: string[] = [];
    const events = { onStart: (summary: readonly string[]) => void started.push(...summary) };
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'mim-native-'));
      await writeFile(join(folder, 'align.mim.yaml'), `mim: 1
method: maskalign
data: { kind: shapes, size: 64, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 32, depth: 2, heads: 2, drop_path: 0.1 }
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 16, lr: 1e-3, clip_grad: 1 }
schedule: { epochs: 2 }
samples: { count: 0 }
engine: { kind: native, threads: 2, steps_per_run: 3 }
runs: runs
`);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('ends with the same bits after a pause, and says what computed', async () => {
      const configFile = join(folder, 'align.mim.yaml');
      const whole = await pretrain({ configFile, name: 'whole' });
      const halves = await pretrain({ configFile, name: 'halves', untilEpoch: 1 });
      await resume({ run: halves.run, events });
      expect(await lossesOf(halves.run)).toEqual(await lossesOf(whole.run));
      expect(await studentOf(halves.run)).toEqual(await studentOf(whole.run));
      expect(started.join('\n')).toContain('The checkpoint was made by native with 2 threads and goes on so.');
      const { engine } = JSON.parse(await readFile(join(whole.run, 'environment.json'), 'utf8')) as { engine: object };
      expect(engine).toMatchObject({ engine: 'native', code: 'AVX-512', threads: 2 });
    });
  });
});
