// Makes the .vsix of one platform: `npm run package [-- --target linux-x64] [-- --out FILE]`. Needs no network.
// Everything it holds is first laid out in a temporary folder, so that nothing else can slip in.
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createVSIX } from '@vscode/vsce';
import { build } from 'esbuild';
import { bundle, external } from './esbuild.mjs';

const root = import.meta.dirname;
const { values } = parseArgs({ options: { target: { type: 'string', default: `${process.platform}-${process.arch}` }, out: { type: 'string' } } });
const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
const file = path.resolve(values.out ?? `${manifest.name}-${values.target}-${manifest.version}.vsix`);
process.chdir(root);

const stage = await mkdtemp(path.join(os.tmpdir(), 'mim-package-'));
try {
  const packages = [...(await tracedFiles()), ...(await nativeFiles(values.target))];
  await bundle({ outdir: path.join(stage, 'dist'), production: true });
  for (const name of await plainFiles()) await cp(path.join(root, name), path.join(stage, name), { recursive: true });
  // Inside dist, since the packer takes or leaves node_modules at the top as a whole.
  for (const name of new Set(packages)) await cp(path.join(root, name), path.join(stage, 'dist', name));
  await writeFile(path.join(stage, 'package.json'), JSON.stringify(forUsers(manifest), null, 2));
  await cp(path.join(root, '.vscodeignore'), path.join(stage, '.vscodeignore'));
  await createVSIX({ cwd: stage, packagePath: file, target: values.target, dependencies: false, allowMissingRepository: true, rewriteRelativeLinks: false });
  console.log(`${file}  ${((await stat(file)).size / 2 ** 20).toFixed(1)} MiB`);
} finally {
  await rm(stage, { recursive: true, force: true });
}

/** The files and folders that .vscodeignore names, but for what is made here. README and CHANGELOG are the extension's page. */
async function plainFiles() {
  const lines = (await readFile(path.join(root, '.vscodeignore'), 'utf8')).split('\n').filter((line) => line.startsWith('!'));
  return lines.map((line) => line.slice(1).replace(/\/\*\*$/, '')).filter((name) => name !== 'package.json' && name !== 'dist');
}

/** The manifest without what only a working copy of the repository can use. */
function forUsers(whole) {
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !['scripts', 'dependencies', 'devDependencies', 'peerDependencies', 'peerDependenciesMeta'].includes(key)));
}

/**
 * The JavaScript that the packages outside the bundles load, found as a bundler finds it, with their manifests and
 * licences. Paths are relative to the repository and begin with node_modules/.
 */
async function tracedFiles() {
  const contents = external.map((name) => `import ${JSON.stringify(name)};`).join('\n');
  const { metafile } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
    outdir: 'unwritten',
    loader: { '.node': 'empty' },
    logLevel: 'error',
  });
  const scripts = Object.keys(metafile.inputs).filter((input) => input.startsWith('node_modules/') && !input.endsWith('.node'));
  const folders = new Set(scripts.map((script) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(script)[1]));
  const aboutThem = await Promise.all([...folders].map(async (folder) => (await readdir(folder)).filter((name) => /^(package\.json|licen[cs]e|notice|third)/i.test(name)).map((name) => `${folder}/${name}`)));
  return [...scripts, ...aboutThem.flat(), ...innerManifests(scripts)];
}

/** A folder within a package may say by a package.json of its own that its files are of another module system. */
function innerManifests(scripts) {
  const folders = new Set(scripts.map((script) => path.dirname(script)));
  for (const folder of folders) if (path.dirname(folder) !== '.' && !folder.endsWith('node_modules')) folders.add(path.dirname(folder));
  return [...folders].map((folder) => `${folder}/package.json`).filter((file) => existsSync(file));
}

/** What those packages load beside themselves: engines and image codecs, of the one platform. */
async function nativeFiles(target) {
  const [platform, arch] = target.split('-');
  const folders = [`node_modules/onnxruntime-node/bin/napi-v6/${platform}/${arch}`, `node_modules/@img/sharp-${target}`];
  // On Windows the codecs lie in the same package.
  if (platform !== 'win32') folders.push(`node_modules/@img/sharp-libvips-${target}`);
  // The engine that writes machine code, and clusters with MPI, run Linux.
  if (platform === 'linux') folders.push(`node_modules/@koromix/koffi-${target}`);
  const missing = folders.filter((folder) => !existsSync(folder));
  if (missing.length > 0) throw new Error(`The package for ${target} needs ${missing.join(' and ')}; npm install --os=${platform} --cpu=${arch} brings what there is for it.`);
  const wasm = 'node_modules/@tensorflow/tfjs-backend-wasm/dist';
  const modules = (await readdir(wasm)).filter((name) => name.endsWith('.wasm')).map((name) => `${wasm}/${name}`);
  const inFolders = await Promise.all(folders.map(async (folder) => (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && !entry.name.endsWith('.h')).map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))));
  return [...modules, ...inFolders.flat()];
}
