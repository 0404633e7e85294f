/**
 * Puts what `bench:gpu` needs into one folder, for a Linux machine with a GPU and without Node, npm or network:
 *
 *   npm run bench:gpu-pack -- .gpu      then, there:   sh .gpu/run.sh RESULTS.json [options of bench:gpu]
 *
 * Node and ONNX Runtime are compressed with xz, so that the folder stays around 40 MB.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built } from './gpu-build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = resolve(process.argv[2] ?? '.gpu');
const staging = join(target, 'bench');
const engines = process.env.MIM_ENGINES ?? join(homedir(), '.cache', 'mim', 'engines');
rmSync(target, { recursive: true, force: true });
mkdirSync(join(staging, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6', 'linux'), { recursive: true });

cpSync(built, staging, { recursive: true });
cpSync(process.execPath, join(staging, 'node'));
const from = join(root, 'node_modules');
const into = join(staging, 'node_modules');
for (const name of ['dist', 'package.json', join('bin', 'napi-v6', 'linux', 'x64')]) {
  cpSync(join(from, 'onnxruntime-node', name), join(into, 'onnxruntime-node', name), { recursive: true });
}
// Dawn is no dependency: it is installed beside, with `mim engine install wgsl`.
const dawn = join(engines, 'wgsl', 'node_modules', 'webgpu');
for (const name of ['index.js', 'package.json', join('dist', 'linux-x64')]) cpSync(join(dawn, name), join(into, 'webgpu', name), { recursive: true });
cpSync(join(from, 'onnxruntime-common'), join(into, 'onnxruntime-common'), { recursive: true, filter: (path) => !path.endsWith('.map') });

execFileSync('tar', ['--use-compress-program=xz -T2', '-cf', join(target, 'bench.tar.xz'), '-C', target, 'bench'], { stdio: 'inherit' });
rmSync(staging, { recursive: true });
writeFileSync(join(target, 'run.sh'), `#!/bin/sh
set -e
here=$(cd "$(dirname "$0")" && pwd)
work=\${MIM_GPU_WORK:-/tmp/mim-bench-gpu}
mkdir -p "$work"
[ -x "$work/bench/node" ] || tar -xJf "$here/bench.tar.xz" -C "$work"
out=$1
shift
cd "$work/bench"
exec "$work/bench/node" "$work/bench/gpu.mjs" --out "$out" "$@"
`);
