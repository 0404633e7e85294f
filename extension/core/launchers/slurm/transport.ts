/** How Slurm's commands are run: here, or on a login node by `ssh`. Always a list of arguments, never a shell's text. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { errorCode } from '../../files/durable-files';
import { UserError } from '../../problems';
import { shellQuote } from './quote';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Transport {
  /** The login node; undefined for this machine. */
  readonly host?: string;
  /**
   * @throws UserError MIM7461 where there is no such program, MIM7463 where it does not answer, MIM7464 and MIM7465 where
   *   the login node cannot be reached or does not answer.
   */
  run(argv: readonly string[]): Promise<CommandResult>;
}

/** Slurm's commands wait long for a controller that is gone. */
const LOCAL_MS = 30_000;
const CONNECT_SECONDS = 10;
/** Signing in and the command together. */
const REMOTE_MS = 20_000;
const CONFIGURATION_MS = 3_000;
/** `ssh` itself failed, not the command. */
const SSH_FAILED = 255;
const NOT_FOUND = 127;

export interface TransportOptions {
  readonly timeoutMs?: number;
}

export function transportTo(host: string | undefined, options: TransportOptions = {}): Transport {
  return host === undefined ? localTransport(options) : sshTransport(host, options);
}

function localTransport({ timeoutMs = LOCAL_MS }: TransportOptions): Transport {
  return {
    async run(argv) {
      const result = await execute(argv, timeoutMs);
      if (result === 'absent') throw new UserError('MIM7461', `There is no ${argv[0]} on this machine.`, 'Work on a login node of the cluster, name one with `launcher.host`, or run the script by hand.');
      if (result === 'silent') throw new UserError('MIM7463', `${argv[0]} did not answer within ${timeoutMs / 1000} s.`, 'Slurm’s controller may be down or busy: `scontrol ping` tells. Try again later.');
      return result;
    },
  };
}

function sshTransport(host: string, { timeoutMs = REMOTE_MS }: TransportOptions): Transport {
  let connection: Promise<string[]> | undefined;
  return {
    host,
    async run(argv) {
      connection ??= sharedConnection(host);
      const result = await execute(sshArguments(host, argv, await connection), timeoutMs);
      if (result === 'absent') throw new UserError('MIM7464', 'There is no ssh on this machine.', 'Install an OpenSSH client, or remove `launcher.host`.');
      if (result === 'silent') throw new UserError('MIM7465', `${host} did not answer within ${timeoutMs / 1000} s.`, `Try \`ssh ${host} ${argv[0]} --version\` yourself; a password or a second factor cannot be given here, an open connection (ControlMaster) or a key can.`);
      if (result.code === SSH_FAILED) throw new UserError('MIM7464', `${host} cannot be reached: ${lastLine(result.stderr) ?? 'ssh failed'}`, `Try \`ssh ${host}\` yourself; it must work without a password (a key, an agent, or an open ControlMaster connection).`);
      if (result.code === NOT_FOUND) throw new UserError('MIM7461', `There is no ${argv[0]} on ${host}.`, 'Slurm’s commands must be found there without a login shell; ask where they are, or put them on the PATH in ~/.bashrc.');
      return result;
    },
  };
}

/** `ssh` joins what stands after the host with spaces and gives it to a shell: each word is quoted for that. */
export function sshArguments(host: string, argv: readonly string[], connection: readonly string[] = []): string[] {
  const options = ['BatchMode=yes', `ConnectTimeout=${CONNECT_SECONDS}`, 'ServerAliveInterval=5', 'ServerAliveCountMax=2', ...connection];
  return ['ssh', ...options.flatMap((option) => ['-o', option]), '--', host, argv.map(shellQuote).join(' ')];
}

/**
 * One connection for all commands within a minute, unless the user's configuration shares connections already: then theirs,
 * which may have been opened with a password. A socket's path may not be long.
 */
async function sharedConnection(host: string): Promise<string[]> {
  const own = path.join(homedir(), '.ssh');
  if (process.platform === 'win32' || own.length > 40 || !existsSync(own)) return [];
  const configured = await execute(['ssh', '-G', '--', host], CONFIGURATION_MS);
  if (typeof configured === 'string' || /^controlpath (?!none)/m.test(configured.stdout)) return [];
  return ['ControlMaster=auto', `ControlPath=${path.join(own, 'mim-%C')}`, 'ControlPersist=60'];
}

/** Resolves when the program has ended, though a child of it may keep its streams open (`ssh` that stays as a master). */
function execute([program, ...args]: readonly string[], timeoutMs: number): Promise<CommandResult | 'absent' | 'silent'> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (chunk: string) => (text[name] += chunk));
    let grace: NodeJS.Timeout | undefined;
    const settle = (result: CommandResult | 'absent' | 'silent'): void => {
      clearTimeout(limit);
      clearTimeout(grace);
      for (const name of ['stdout', 'stderr'] as const) child[name].destroy();
      resolve(result);
    };
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      settle('silent');
    }, timeoutMs);
    child.on('error', (error) => {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'EACCES') settle('absent');
      else {
        clearTimeout(limit);
        reject(error);
      }
    });
    const ended = (code: number | null): void => settle({ code: code ?? 1, ...text });
    child.on('close', ended);
    child.on('exit', (code) => (grace = setTimeout(() => ended(code), 500)));
  });
}

export function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1)?.trim() || undefined;
}
