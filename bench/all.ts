/**
 * Every bench of the engine, one after another on an otherwise idle machine, and the page that tells what they found.
 *
 *   npm run bench -- --cifar DIR --photographs DIR [--data docs/results/data] [--output docs/results/performance.md] [--report-only]
 *
 * The folders have images: CIFAR-10 as tars or folders, and photographs of some 500 × 375 pixels. A part whose images are not
 * there is left out, and so is PyTorch where MIM_PYTHON (default: python3) has none.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { performancePage } from './performance-page';

const { values: options } = parseArgs({
  options: {
    cifar: { type: 'string' },
    photographs: { type: 'string' },
    data: { type: 'string', default: 'docs/results/data' },
    output: { type: 'string', default: 'docs/results/performance.md' },
    'report-only': { type: 'boolean', default: false },
  },
});

function run(bench: string, json: string, ...args: string[]): void {
  const file = path.join(options.data, `${json}.json`);
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, `bench-${bench}.mjs`), ...args, '--json', file], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`bench:${bench} failed; what was measured before is in ${options.data}.`);
}

if (!options['report-only']) {
  mkdirSync(options.data, { recursive: true });
  run('step', 'step-tiny', '--size', 'tiny', '--rounds', '7', '--steps', '4');
  run('step', 'step-small', '--size', 'small', '--rounds', '10', '--steps', '2');
  // Alone in its process, for its memory.
  run('step', 'step-small-memory-native', '--size', 'small', '--rounds', '2', '--steps', '2', '--only', 'native');
  run('step', 'step-small-memory', '--size', 'small', '--rounds', '2', '--steps', '2', '--only', 'compiled-cpu');
  if (options.cifar !== undefined) run('pipeline', 'pipeline-tiny', '--size', 'tiny', '--data', options.cifar, '--rounds', '5', '--steps', '8');
  // So few that they come again.
  if (options.cifar !== undefined) run('pipeline', 'pipeline-tiny-later', '--size', 'tiny', '--data', options.cifar, '--limit', '512', '--rounds', '5', '--steps', '8');
  if (options.photographs !== undefined) run('pipeline', 'pipeline-small', '--size', 'small', '--data', options.photographs, '--rounds', '8', '--steps', '4');
  run('startup', 'startup', '--rounds', '5');
  run('evaluation', 'evaluation', '--rounds', '3');
  run('methods', 'methods', '--size', 'tiny', '--rounds', '7', '--steps', '4');
  run('methods', 'methods-cifar', '--size', 'cifar', '--rounds', '7', '--steps', '16');
  run('growth', 'growth', '--rounds', '3', '--figure', path.join(path.dirname(options.output), 'growth.svg'));
}
await writeFile(options.output, await performancePage(options.data));
console.log(`Written: ${options.output}`);
