/** Starts VS Code's own server on a free port with folders of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerProgram } from './obtain';

const startSeconds = 60;

export interface LaunchOptions {
  /** The folder that holds the extension's package.json, dist, media and docs. */
  readonly extension: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Ask whether the workspace is trusted, as a user's VS Code does. */
  readonly workspaceTrust?: boolean;
  /** Lets a test inside the extension host report to the page; hides notifications, so not for tests of the interface. */
  readonly smokeTestDriver?: boolean;
  /** Variables that the extension host shall find in its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface VsCodeServer {
  /** Like http://127.0.0.1:4321 . */
  readonly origin: string;
  /** The temporary folder that holds everything the server writes; `workspace` in it is for the test. */
  readonly root: string;
  /** Of its process, which is also the number of its process group. */
  readonly pid: number;
  /** Where the extension under test lies in it: its files are links into the folder it was launched from. */
  readonly extension: string;
  /** The page's address with `folder` open, and what the workbench is to be told besides. */
  address(folder: string, payload?: readonly (readonly [string, string])[]): string;
  /** Ends the server and everything it started, and deletes its folders. */
  stop(): Promise<void>;
}

/** @throws Error with the server's output when it does not listen within a minute. */
export async function launchServer(program: ServerProgram, options: LaunchOptions): Promise<VsCodeServer> {
  const root = await mkdtemp(join(tmpdir(), 'mim-vscode-'));
  const extension = join(root, 'extensions', 'mim-lab.mim-lab-0.0.0');
  await writeSettings(root, options.settings ?? {});
  await linkExtension(options.extension, extension);
  const port = await freePort();
  const args = [
    program.main, '--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--accept-server-license-terms',
    '--server-data-dir', join(root, 'server'), '--user-data-dir', join(root, 'user'), '--extensions-dir', join(root, 'extensions'),
    '--telemetry-level', 'off', '--disable-telemetry',
    ...(options.workspaceTrust ? [] : ['--disable-workspace-trust']),
    ...(options.smokeTestDriver ? ['--enable-smoke-test-driver'] : []),
  ];
  // A group of its own, so that its extension host and watchers end with it.
  const server = spawn(program.node, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...cleanEnvironment(), MIM_QUEUE: join(root, 'queue'), ...options.environment } });
  const stop = async () => {
    await endGroup(server);
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await listening(server);
  } catch (error) {
    await stop();
    throw error;
  }
  const authority = `127.0.0.1:${port}`;
  const address = (folder: string, payload: readonly (readonly [string, string])[] = []) => {
    const query = new URLSearchParams({ folder });
    if (payload.length > 0) query.set('payload', JSON.stringify(payload));
    return `http://${authority}/?${query}`;
  };
  return { origin: `http://${authority}`, root, pid: server.pid!, extension, address, stop };
}

async function writeSettings(root: string, settings: Readonly<Record<string, unknown>>): Promise<void> {
  const quiet = {
    'workbench.startupEditor': 'none',
    'workbench.tips.enabled': false,
    'workbench.enableExperiments': false,
    'workbench.welcomePage.walkthroughs.openOnInstall': false,
    'window.commandCenter': false,
    'window.autoDetectColorScheme': true,
    'chat.disableAIFeatures': true,
    'chat.commandCenter.enabled': false,
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'extensions.autoUpdate': false,
    'extensions.autoCheckUpdates': false,
    'extensions.ignoreRecommendations': true,
    'update.mode': 'none',
    'telemetry.telemetryLevel': 'off',
    'git.enabled': false,
    'files.simpleDialog.enable': true,
    'remote.autoForwardPorts': false,
  };
  await mkdir(join(root, 'workspace'));
  // Settings of a machine count only where they are its own: those of the user are of another machine than the server's.
  for (const [place, content] of [['User', { ...quiet, ...settings }], ['Machine', settings]] as const) {
    const folder = join(root, 'user', place);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'settings.json'), JSON.stringify(content, null, 2));
  }
}

/**
 * What the package holds, under a name the server knows an extension by. The program itself, with the files it is split
 * into, is a copy: VS Code tells by the real path of a program which extension speaks, and names it under its messages.
 */
async function linkExtension(from: string, to: string): Promise<void> {
  await mkdir(join(to, 'dist'), { recursive: true });
  for (const name of ['package.json', 'media', 'docs', 'examples']) await symlink(join(from, name), join(to, name));
  for (const name of await readdir(join(from, 'dist'))) {
    const isProgram = name === 'extension.cjs' || name === 'extension';
    await (isProgram ? cp(join(from, 'dist', name), join(to, 'dist', name), { recursive: true }) : symlink(join(from, 'dist', name), join(to, 'dist', name)));
  }
}

/** Without what vitest and npm set for their own Node. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm_|VITEST|VSCODE_|NODE_OPTIONS|NODE_ENV|TEST$)/.test(key)));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

function listening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const failed = (why: string) => reject(new Error(`The VS Code server ${why}:\n${output}`));
    const timer = setTimeout(() => failed(`was not up after ${startSeconds} s`), startSeconds * 1000);
    const hear = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000);
      if (!/Extension host agent listening/.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    server.stdout?.on('data', hear);
    server.stderr?.on('data', hear);
    server.once('exit', (code) => (clearTimeout(timer), failed(`ended with ${code}`)));
  });
}

async function endGroup(server: ChildProcess): Promise<void> {
  if (server.pid === undefined) return;
  const ended = new Promise<void>((resolve) => (server.exitCode === null && server.signalCode === null ? server.once('exit', () => resolve()) : resolve()));
  try {
    process.kill(-server.pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
  await ended;
}
