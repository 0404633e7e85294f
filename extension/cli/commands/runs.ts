import type { RunReport } from '../../core/runs/inspect-run';
import { examples, jsonOption, type Cli } from '../command';
import { age, percent, rate } from '../../core/text/format';
import { defaultRunsFolder } from '../locate';
import { tableLines } from '../table';
import { printJson } from '../terminal';

export function addRunsCommand(cli: Cli): void {
  cli.program
    .command('runs')
    .summary('table of the runs in a folder')
    .description('List the runs of a folder, newest first: state, method, steps, the best probe of the student, speed, and how long ago each was last heard of.')
    .argument('[dir]', 'folder of the runs', defaultRunsFolder)
    .addOption(jsonOption())
    .addHelpText('after', examples('mim runs', `mim runs --json | jq -r '.[] | select(.state == "lost") | .path'`))
    .action(async (folder: string, options: { readonly json?: boolean }) => {
      const { listRuns } = await import('../../core/runs/list-runs');
      const { inspectRun } = await import('../../core/runs/inspect-run');
      const { bestProbe } = await import('../../core/runs/run-report');
      const reports: RunReport[] = [];
      for (const { path } of await listRuns(folder)) reports.push(await inspectRun(path));
      if (options.json === true) {
        printJson(cli.terminal, reports);
        return;
      }
      if (reports.length === 0) {
        cli.terminal.note(`There are no runs in ${folder}. \`mim pretrain CONFIG\` makes one.`);
        return;
      }
      const now = Date.now();
      const rows = reports.map(({ id, state, method, status, evaluations }) => {
        const best = bestProbe(evaluations);
        return [
          id,
          state,
          method ?? '?',
          status === undefined ? '?' : `${status.step}/${status.totalSteps}`,
          best === undefined ? '–' : `${percent(best.top1)} ${best.protocol}`,
          rate(status?.imagesPerSecond ?? NaN),
          status === undefined ? '?' : age(now - Date.parse(status.updatedAt)),
        ];
      });
      for (const line of tableLines(['run', 'state', 'method', 'step', 'best probe', 'images/s', 'age'], rows, ['left', 'left', 'left', 'right', 'right', 'right', 'right'])) cli.terminal.out(line);
    });
}
