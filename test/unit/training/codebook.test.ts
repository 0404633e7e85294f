/** BEiT's codebook: clusters are found, and a run keeps the codes it began with. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import type { HostTensor } from '../../../extension/core/tensors';
import { kMeans } from '../../../extension/training/k-means';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { RandomStream } from '../../../extension/training/random';

describe('k-means', () => {
  const nearestOf = (vectors: Float32Array, width: number) => (centres: Float32Array) =>
    Promise.resolve(
      Array.from({ length: vectors.length / width }, (_, i) => {
        const distances = Array.from({ length: centres.length / width }, (_unused, c) => Array.from({ length: width }, (_k, k) => (vectors[i * width + k]! - centres[c * width + k]!) ** 2).reduce((a, b) => a + b));
        return distances.indexOf(Math.min(...distances));
      }),
    );
  const cluster = (vectors: Float32Array, width: number, centres: number, seed: number): Promise<Float32Array> =>
    kMeans({ vectors, width, centres, iterations: 50, random: new RandomStream(seed, 'codes'), nearest: nearestOf(vectors, width) });

  it('ends where each centre is the mean of those nearest to it', async () => {
    const random = new RandomStream(1, 'points');
    const vectors = Float32Array.from({ length: 300 * 2 }, () => random.normal());
    const centres = await cluster(vectors, 2, 5, 3);
    const owners = await nearestOf(vectors, 2)(centres);
    for (let centre = 0; centre < 5; centre++) {
      const own = owners.flatMap((owner, i) => (owner === centre ? [vectors[2 * i]!] : []));
      expect(own.length).toBeGreaterThan(0);
      expect(own.reduce((a, b) => a + b) / own.length).toBeCloseTo(centres[2 * centre]!, 4);
    }
  });

  it('moves centres without vectors to where there are some', async () => {
    const vectors = Float32Array.of(...new Array<number>(50).fill(0), 1, 2, 3);
    const centres = await cluster(vectors, 1, 4, 2);
    expect(Array.from(centres).sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });
});

describe('a run of BEiT', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mim-codebook-'));
    const common = ['mim: 1', 'data: { kind: shapes, size: 64, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }', 'optimizer: { batch_size: 8, lr: 1e-3 }', 'schedule: { epochs: 2 }', 'samples: { count: 0 }', 'engine: tfjs-cpu', 'runs: runs'];
    await writeFile(join(folder, 'teacher.mim.yaml'), [...common, 'method: supervised', 'name: teacher'].join('\n'));
    await writeFile(join(folder, 'beit.mim.yaml'), [...common, 'method: beit', 'name: beit', 'teacher: { checkpoint: runs/teacher }', 'codebook: { size: 6, images: 32 }'].join('\n'));
    await pretrain({ configFile: join(folder, 'teacher.mim.yaml') });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function codebooksOf(path: string): Promise<{ sha256: string; codebooks: HostTensor[] }> {
    const run = await RunDirectory.open(path);
    const { codebook } = JSON.parse(await readFile(run.inside('environment.json'), 'utf8')) as { codebook: { sha256: string } };
    const codebooks = await Promise.all((await run.listCheckpoints()).map(async (info) => (await readSafetensors(join(info.path, 'method.safetensors'))).tensors['codebook']!));
    return { sha256: codebook.sha256, codebooks };
  }

  const fingerprint = ({ data }: HostTensor): string => createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex');

  it('learns the same codes again, keeps them in every checkpoint and goes on with them', async () => {
    const configFile = join(folder, 'beit.mim.yaml');
    const whole = await pretrain({ configFile, name: 'whole' });
    const halves = await pretrain({ configFile, name: 'halves', untilEpoch: 1 });
    const resumed = await resume({ run: halves.run });
    expect(resumed.state).toBe('finished');
    const [first, second] = [await codebooksOf(whole.run), await codebooksOf(halves.run)];
    expect(second.sha256).toBe(first.sha256);
    expect(first.codebooks.length).toBeGreaterThan(1);
    for (const codebook of [...first.codebooks, ...second.codebooks]) expect(fingerprint(codebook)).toBe(first.sha256);
    expect(new Set(Array.from({ length: 6 }, (_, code) => first.codebooks[0]!.data.subarray(code * 16, code * 16 + 16).join())).size).toBe(6);
  });

  it('needs as many patches as codes', async () => {
    await expect(pretrain({ configFile: join(folder, 'beit.mim.yaml'), name: 'few', overrides: { 'codebook.size': '200', 'codebook.images': '8' } })).rejects.toMatchObject({ problems: [expect.objectContaining({ code: 'MIM5008' })] });
  });
});
