/** The engines that are no dependency of this program, since few machines can use them: what npm installs of each, and what it takes. */

export type InstallableEngine = 'tfjs-node-gpu';

export interface EnginePackage {
  readonly kind: InstallableEngine;
  /** The npm package that is looked for. */
  readonly name: string;
  /** The one version whose internals are known here. */
  readonly version: string;
  /** Whose install scripts are run, as npm 11 and newer want to be told: those that bring the native part, and no advertisement. */
  readonly scripts: Readonly<Record<string, boolean>>;
  /** Free space asked for before it is installed. */
  readonly diskBytes: number;
}

/**
 * 0.3 GB of npm packages (measured), and the libtensorflow 2.9.1 that the install script unpacks as it comes. That was not
 * measured: its archive names no unpacked size. 3 GB leaves room for it and for a binding that is compiled on the spot.
 */
const NODE_GPU_DISK_BYTES = 3e9;

export const enginePackages: Readonly<Record<InstallableEngine, EnginePackage>> = {
  'tfjs-node-gpu': {
    kind: 'tfjs-node-gpu',
    name: '@tensorflow/tfjs-node-gpu',
    version: '4.22.0',
    scripts: { '@tensorflow/tfjs-node-gpu': true, 'core-js': false },
    diskBytes: NODE_GPU_DISK_BYTES,
  },
};

export const installableEngines = Object.keys(enginePackages) as InstallableEngine[];
