/** npm at work in a folder with a package.json. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lastWords } from '../../../core/jobs/last-words';
import { UserError } from '../../../core/problems';
import type { EnginePackage } from './engine-package';
import { npmEnvironment } from './npm-environment';

/** The install script is part of it, whatever the user's npm is set to: it brings the native part. */
const ARGUMENTS = ['install', '--ignore-scripts=false', '--foreground-scripts', '--no-audit', '--no-fund', '--no-package-lock'];

/** @throws UserError MIM4008; AbortError where `signal` came */
export async function npmInstall({ name }: EnginePackage, folder: string, log: NodeJS.WritableStream, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  // A group of its own: the install script starts programs too, and all shall end together.
  const npm = spawn('npm', ARGUMENTS, { cwd: folder, env: npmEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const stop = (): void => void (npm.pid !== undefined && process.kill(-npm.pid, 'SIGTERM'));
  signal?.addEventListener('abort', stop);
  let said = '';
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log.write(text);
      said = (said + text).slice(-16_384);
    });
  }
  try {
    const [code] = (await once(npm, 'close')) as [number | null];
    signal?.throwIfAborted();
    if (code !== 0) throw new UserError('MIM4008', `npm could not install ${name}: ${lastWords(said)}`, 'See `mim engine status` for what is missing; what was there before was left as it is.');
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
