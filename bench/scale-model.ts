/**
 * The model of docs/design/scale.md: seconds of a step on R nodes with one rank each, from what scale.ts measured on one machine, for
 * networks that were not measured. Prints the tables of that page.
 *
 *   npm run bench:scale-model -- bench-scale.json
 */
import { readFileSync } from 'node:fs';
import { gmacPerImage } from '../extension/core/config/cost';
import { plainVit, CLIP_MEAN, CLIP_STD } from '../extension/core/checkpoints/teacher-shape';
import { elementCount } from '../extension/core/tensors';
import { stepSizes, trainingCase } from './step-case';

interface Measured {
  readonly size: keyof typeof stepSizes;
  readonly rows: readonly { readonly ranks: number; readonly compute: number; readonly bestExchange: number }[];
}

interface Network {
  readonly name: string;
  /** Bytes a second each way. */
  readonly bandwidth: number;
  /** Seconds a message. */
  readonly latency: number;
}

const networks: readonly Network[] = [
  { name: '10 Gbit/s Ethernet', bandwidth: 10e9 / 8, latency: 30e-6 },
  { name: '25 Gbit/s Ethernet', bandwidth: 25e9 / 8, latency: 20e-6 },
  { name: '100 Gbit/s InfiniBand', bandwidth: 100e9 / 8, latency: 2e-6 },
];

const models = {
  'ViT-S/16': { batch: 4096, imageSize: 224, patchSize: 16, width: 384, depth: 12, heads: 6 },
  'ViT-B/16': { batch: 4096, imageSize: 224, patchSize: 16, width: 768, depth: 12, heads: 12 },
} satisfies Record<string, (typeof stepSizes)['tiny']>;

const CORES = 32;
const BUCKET_BYTES = 4 << 20;
const nodeCounts = [1, 2, 4, 8, 16, 32, 64, 128];

/** Multiply-accumulates of a step's image, and bytes of gradients. */
function costOf(size: (typeof stepSizes)['tiny']): { readonly gmac: number; readonly bytes: number } {
  const { experiment, programs } = trainingCase(size, { parts: 2 });
  const gradients = Object.entries(programs.update!.state).filter(([name]) => name.startsWith('grad_sum.'));
  return { gmac: gmacPerImage(experiment, plainVit(experiment.student, CLIP_MEAN, CLIP_STD)).step, bytes: 4 * gradients.reduce((sum, [, spec]) => sum + elementCount(spec.shape), 0) };
}

const measured = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Measured;
const shape = stepSizes[measured.size];
const own = costOf(shape);
const [two, four] = [2, 4].map((count) => measured.rows.find(({ ranks }) => ranks === count)!);
/** A rank computes G/R + U: its share of the gradients, and the optimizer's step, which every rank does. */
const gradientSeconds = 4 * (two!.compute - four!.compute);
const updateSeconds = two!.compute - gradientSeconds / 2;
/** Multiply-accumulates a second of one core, in units of 10⁹. */
const coreRate = (shape.batch * own.gmac) / gradientSeconds;
/** Of the optimizer, and of an exchange within one machine, seconds a byte of gradients. */
const updateRate = updateSeconds / own.bytes;
const copyRate = two!.bestExchange / own.bytes;

console.log(`${measured.size}, batch ${shape.batch}: gradients ${gradientSeconds.toFixed(2)} s (${coreRate.toFixed(1)} GMAC/s a core), optimizer ${updateSeconds.toFixed(3)} s, ${(updateRate * 1e9).toFixed(2)} s a GB; exchange between two ranks ${(copyRate * 1e9).toFixed(2)} s a GB`);

function seconds(nodes: number, cost: ReturnType<typeof costOf>, batch: number, { bandwidth, latency }: Network): number {
  // The optimizer is bound by memory, which more cores share: taken as on one core.
  const compute = (batch * cost.gmac) / (coreRate * CORES) / nodes + cost.bytes * updateRate;
  if (nodes === 1) return compute;
  const messages = Math.ceil(cost.bytes / BUCKET_BYTES) * 2 * (nodes - 1);
  const travel = (2 * cost.bytes * (nodes - 1)) / nodes / bandwidth;
  return compute + cost.bytes * copyRate + travel + messages * latency;
}

for (const [name, size] of Object.entries(models)) {
  const cost = costOf(size);
  console.log(`\n${name}: ${cost.gmac.toFixed(2)} GMAC an image and step, ${(cost.bytes / 1e6).toFixed(0)} MB of gradients; batch ${size.batch}, nodes of ${CORES} cores\n`);
  console.log(`| network | step on 1 node | ${nodeCounts.slice(1).map((nodes) => `${nodes} nodes`).join(' | ')} |\n| --- | ${nodeCounts.map(() => '---').join(' | ')} |`);
  for (const network of networks) {
    const one = seconds(1, cost, size.batch, network);
    const cells = nodeCounts.slice(1).map((nodes) => {
      const speedup = one / seconds(nodes, cost, size.batch, network);
      return `${speedup.toFixed(1)}× (${((100 * speedup) / nodes).toFixed(0)} %)`;
    });
    console.log(`| ${network.name} | ${one.toFixed(1)} s | ${cells.join(' | ')} |`);
  }
}
