/** The engines that are no dependency of this program, since few machines can use them: what npm installs of each, and what it takes. */

export type InstallableEngine = 'wgsl' | 'tfjs-node-gpu' | 'tfjs-webgpu';

export interface EnginePackage {
  readonly kind: InstallableEngine;
  /** The npm package that is looked for. */
  readonly name: string;
  /** The one version whose internals are known here. */
  readonly version: string;
  /** What is installed beside it, by exact version. */
  readonly beside: Readonly<Record<string, string>>;
  /** Whose install scripts are run, as npm 11 and newer want to be told: those that bring the native part, and no advertisement. */
  readonly scripts: Readonly<Record<string, boolean>>;
  /** As `process.platform` and `process.arch` say. */
  readonly platforms: readonly string[];
  /** Free space asked for before it is installed. */
  readonly diskBytes: number;
}

/**
 * 0.3 GB of npm packages (measured), and the libtensorflow 2.9.1 that the install script unpacks as it comes. That was not
 * measured: its archive names no unpacked size. 3 GB leaves room for it and for a binding that is compiled on the spot.
 */
const NODE_GPU_DISK_BYTES = 3e9;

/** 0.2 GB, measured; npm keeps as much again in its cache. */
const WEBGPU_DISK_BYTES = 0.5e9;

export const enginePackages: Readonly<Record<InstallableEngine, EnginePackage>> = {
  wgsl: {
    kind: 'wgsl',
    name: 'webgpu',
    version: '0.6.2',
    beside: {},
    // Takes macOS's mark of downloaded files from Dawn.
    scripts: { webgpu: true },
    platforms: ['linux x64', 'linux arm64', 'darwin x64', 'darwin arm64'],
    diskBytes: WEBGPU_DISK_BYTES,
  },
  'tfjs-node-gpu': {
    kind: 'tfjs-node-gpu',
    name: '@tensorflow/tfjs-node-gpu',
    version: '4.22.0',
    beside: {},
    scripts: { '@tensorflow/tfjs-node-gpu': true, 'core-js': false },
    platforms: ['linux x64'],
    diskBytes: NODE_GPU_DISK_BYTES,
  },
  'tfjs-webgpu': {
    kind: 'tfjs-webgpu',
    name: '@tensorflow/tfjs-backend-webgpu',
    version: '4.22.0',
    beside: { webgpu: '0.6.2' },
    // Takes macOS's mark of downloaded files from Dawn.
    scripts: { webgpu: true },
    platforms: ['linux x64', 'linux arm64', 'darwin x64', 'darwin arm64'],
    diskBytes: WEBGPU_DISK_BYTES,
  },
};

export const installableEngines = Object.keys(enginePackages) as InstallableEngine[];
