/** What `mim` tells the shell. The table is printed by `mim --help` and stands in docs/cli.md. */

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  stopped: 3,
  notFound: 4,
  busy: 5,
  interrupted: 130,
} as const;

export const exitCodeTable: readonly (readonly [code: number, meaning: string])[] = [
  [exitCodes.done, 'done'],
  [exitCodes.failed, 'the work failed: a damaged file, a loss that is not finite, no usable engine, an unexpected error'],
  [exitCodes.usage, 'a mistake on the command line or in the experiment file; nothing was started'],
  [exitCodes.stopped, 'stopped on request (Ctrl-C, SIGTERM, SIGUSR1, `mim stop`) with a checkpoint; `mim resume` goes on'],
  [exitCodes.notFound, 'the run, checkpoint or file that was named does not exist'],
  [exitCodes.busy, 'another process is at work on the same cell; nothing was done'],
  [exitCodes.interrupted, 'a second Ctrl-C: left at once, back at the last checkpoint'],
];
