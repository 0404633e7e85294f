import { InvalidArgumentError, Option, type Command } from 'commander';
import { FEATURE_KINDS, PROTOCOLS } from '../../core/config/evaluation-choices';
import type { Queue } from '../../core/queue/queue';
import { examples, jsonOption, positiveInteger, positiveNumber, runName, runsOption, setOption, wholeNumber, type Cli } from '../command';
import { printJson } from '../terminal';
import type { AddOptions } from '../queue-add';

export function addQueueCommand(cli: Cli): void {
  const queue = cli.program
    .command('queue')
    .summary('let trainings wait for one another on this machine')
    .description(
      'Trainings and probes that wait for their turn on this machine.\n\nWhat is added is started in a process of its own as soon as what it comes after is done and its threads and memory are free, by priority, then age. A supervisor (`mim queue run`), which `add` starts in the background, does that; it may be killed at any time, jobs go on without it, and the next one goes on with them. The queue lies in $MIM_QUEUE, by default in a folder of this user and machine below ~/.local/state/mim/queue.',
    )
    .addHelpText('after', examples('mim queue add a.mim.yaml b.mim.yaml', 'mim queue add teacher.mim.yaml student.mim.yaml --chain --probe linear', 'mim queue list'));
  addAdd(cli, queue);
  addList(cli, queue);
  addRun(cli, queue);
  addPause(cli, queue);
  addEach(cli, queue);
  addClear(cli, queue);
}

function addAdd(cli: Cli, queue: Command): void {
  queue
    .command('add')
    .summary('add experiments to train, runs to go on with')
    .description('Add experiments to train, or runs to go on with. Mistakes in an experiment are told at once. Prints the ids of the new entries.')
    .argument('<what...>', 'experiment files; run directories or their ids within --runs; @ID for the run of an entry')
    .option('--priority <n>', 'entries of a higher one go first', wholeInteger, 0)
    .option('--after <id>', 'only once this entry is done (repeatable)', (id: string, before: string[]) => [...before, id], [])
    .option('--chain', 'each only once the one before it is done; a teacher that one trains is taken from its run')
    .addOption(new Option('--probe <protocol>', 'evaluate each experiment’s run when it is trained; of a run that is named, evaluate it').choices(PROTOCOLS))
    .addOption(new Option('--features <features>', 'of a probe').choices(FEATURE_KINDS))
    .addOption(new Option('--device <device>', 'what the job needs (default: gpu for an engine of a GPU)').choices(['cpu', 'gpu']))
    .option('--memory <gib>', 'GiB of memory it takes (default: estimated from the experiment)', positiveNumber)
    .option('--threads <n>', 'compute threads it takes (default: `engine.threads`); an experiment that leaves them open uses as many', positiveInteger)
    .option('--no-accumulate', 'do not begin anew in smaller passes where memory runs out')
    .option('--name <name>', 'name of the run', runName)
    .addOption(setOption())
    .addOption(runsOption())
    .option('--no-start', 'do not start a supervisor')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim queue add a.mim.yaml --threads 4 --set seed=1', 'mim queue add b.mim.yaml --after 3 --priority 10', 'mim queue add runs/a', 'mim queue add @3 --probe knn'))
    .action(async (what: string[], options: AddOptions) => {
      const { addToQueue } = await import('../queue-add');
      await addToQueue(cli, await openQueue(), what, options);
    });
}

function addList(cli: Cli, queue: Command): void {
  queue
    .command('list')
    .summary('table of the queue')
    .description('List the entries: what is at work, what waits and why, what has ended.')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim queue list', `mim queue list --json | jq -r '.entries[] | select(.state == "failed") | .id'`))
    .action(async ({ json }: { readonly json?: boolean }) => {
      const state = await (await openQueue()).read();
      if (json === true) {
        printJson(cli.terminal, state);
        return;
      }
      const { queueLines } = await import('../queue-table');
      for (const line of queueLines(state)) cli.terminal.out(line);
    });
}

function addRun(cli: Cli, queue: Command): void {
  queue
    .command('run')
    .summary('start what waits, until nothing is left')
    .description('Start what waits and watch over it until nothing is left. One process at a time does this. Ctrl-C ends it; the jobs at work go on. Limits that are given are kept for later.')
    .option('--stay', 'wait for more when nothing is left')
    .option('--threads <n>', 'threads that all jobs together may take (default: those of the machine)', positiveInteger)
    .option('--memory <gib>', 'GiB that all jobs together may take (default: nine tenths of the machine’s)', positiveNumber)
    .option('--gpus <n>', 'GPUs to give out (default: those that are found)', wholeNumber)
    .addHelpText('after', examples('mim queue run', 'mim queue run --stay --threads 8'))
    .action(async ({ stay, ...limits }: { readonly stay?: boolean; readonly threads?: number; readonly memory?: number; readonly gpus?: number }) => {
      const { runQueue } = await import('../queue-run');
      await runQueue(cli, { stay, limits });
    });
}

function addPause(cli: Cli, queue: Command): void {
  queue
    .command('pause')
    .summary('start nothing new')
    .description('Start nothing new until `mim queue resume`. Jobs at work go on, unless --running.')
    .option('--running', 'trainings at work save a checkpoint and wait too')
    .action(async ({ running }: { readonly running?: boolean }) => {
      await (await openQueue()).pause(running === true);
      cli.terminal.out(`The queue is paused${running === true ? ', and its trainings with it' : '; jobs at work go on'}. Go on with: mim queue resume`);
    });
  queue
    .command('resume')
    .summary('go on with a paused queue')
    .description('Go on with a paused queue and the trainings that were paused with it.')
    .action(async () => {
      const opened = await openQueue();
      await opened.resume();
      await startWhatWaits(opened);
      cli.terminal.out('The queue goes on.');
    });
}

/** The commands that do something with entries named by their ids. */
function addEach(cli: Cli, queue: Command): void {
  const each = <Options>(name: string, summary: string, act: (opened: Queue, id: string, options: Options) => Promise<string>): Command =>
    queue
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .argument('<id...>', 'ids, as `mim queue list` has them')
      .action(async (ids: string[], options: Options) => {
        const opened = await openQueue();
        for (const id of ids) cli.terminal.out(await act(opened, id, options));
        await startWhatWaits(opened);
      });
  each('cancel', 'end entries: what waits never starts, a training saves a checkpoint and ends', async (opened, id) => ((await opened.cancel(id)) ? `${id}: cancelled.` : `${id} has ended: nothing to cancel.`));
  each('hold', 'keep entries from starting until they are released', async (opened, id) => ((await opened.hold(id)) ? `${id}: held.` : `${id} has begun: \`mim queue cancel\` ends it.`));
  each('release', 'let held entries start', async (opened, id) => {
    await opened.release(id);
    return `${id}: released.`;
  });
  each<{ readonly anew?: boolean }>('retry', 'begin entries again that were stopped, failed or were cancelled', async (opened, id, { anew }) => ((await opened.retry(id, anew)) ? `${id}: waits again.` : `${id} waits, is at work or is done: nothing to retry.`)).option('--anew', 'in a new run; without it they go on with the one they had');
  addPriority(cli, queue);
}

function addPriority(cli: Cli, queue: Command): void {
  queue
    .command('priority')
    .summary('change the priority of an entry')
    .description('Change the priority of an entry. What is at work goes on.')
    .argument('<id>', 'id, as `mim queue list` has it')
    .argument('<n>', 'entries of a higher one go first', wholeInteger)
    .action(async (id: string, priority: number) => {
      await (await openQueue()).setPriority(id, priority);
      cli.terminal.out(`${id}: priority ${priority}.`);
    });
}

function addClear(cli: Cli, queue: Command): void {
  queue
    .command('clear')
    .summary('remove entries that have ended')
    .description('Remove the entries that have ended, with their logs, unless others come after them. Runs are never removed.')
    .option('--yes', 'do not ask')
    .action(async ({ yes }: { readonly yes?: boolean }) => {
      const { clearQueue } = await import('../queue-clear');
      await clearQueue(cli, await openQueue(), yes === true);
    });
}

/** Nothing, unless something waits that may start. */
async function startWhatWaits(opened: Queue): Promise<void> {
  const { entries, paused } = await opened.read();
  if (!paused && entries.some(({ state }) => state === 'waiting')) await opened.ensureSupervisor();
}

async function openQueue(): Promise<Queue> {
  const { queueHere } = await import('../queue-run');
  return queueHere();
}

function wholeInteger(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It should be a whole number.');
  return value;
}
