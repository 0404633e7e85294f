/** Checkpoints below the runs that wrote them, latest first. */
import type { LibraryRun, RunCheckpoint } from '../../core/library/library-run';
import { bytes, percent } from '../../core/text/format';
import { leaf, type Row } from './row';
import { joined, stateSymbols } from './run-text';

/** Runs without checkpoints are left out. The newest run's are open. */
export function checkpointsTree(runs: readonly LibraryRun[]): Row[] {
  return runs
    .filter(({ checkpoints }) => checkpoints.length > 0)
    .map((run, index) => ({
      node: { kind: 'run', run: run.key },
      face: {
        label: run.name,
        description: run.checkpoints.length === 1 ? '1 checkpoint' : `${run.checkpoints.length} checkpoints`,
        spoken: `${run.name}, ${run.checkpoints.length} checkpoints`,
        icon: stateSymbols[run.state].icon,
        color: stateSymbols[run.state].color,
        contextValue: 'checkpoints',
      },
      open: index === 0,
      children: run.checkpoints.toSorted((a, b) => b.step - a.step).map((checkpoint) => checkpointRow(run, checkpoint)),
    }));
}

function checkpointRow(run: LibraryRun, { path, step, epoch, bytes: size }: RunCheckpoint): Row {
  const probes = run.evaluations.filter((probe) => probe.step === step && probe.subject === 'student').map(({ protocol, top1 }) => `${protocol} ${percent(top1)}`);
  const description = joined([`epoch ${Number(epoch.toFixed(2))}`, ...new Set(probes), bytes(size)]);
  const label = `step ${step.toLocaleString('en')}`;
  return leaf({ kind: 'checkpoint', run: run.key, step, path }, { label, description, spoken: `${run.name}, ${label}, ${description}`, icon: 'archive', contextValue: 'checkpoint', command: 'mim.inspectCheckpoint' });
}
