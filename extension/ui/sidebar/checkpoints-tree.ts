/** Checkpoints below the runs that wrote them, latest first. */
import type { LibraryRun, RunCheckpoint } from '../../core/library/library-run';
import { age, bytes, percent } from '../../core/text/format';
import { foldRest } from './fold-rest';
import { leaf, type Row } from './row';
import { joined, stateSymbols } from './run-text';
import { count, plain } from './run-tooltip';

/** Runs without checkpoints are left out. The newest run's are open. */
export function checkpointsTree(runs: readonly LibraryRun[]): Row[] {
  const rows = runs
    .filter(({ checkpoints }) => checkpoints.length > 0)
    .map((run, index): Row => ({
      node: { kind: 'run', run: run.key },
      face: {
        label: run.name,
        description: amount(run.checkpoints.length),
        spoken: `${run.name}, ${amount(run.checkpoints.length)}`,
        ...stateSymbols[run.state],
        contextValue: 'checkpoints',
      },
      open: index === 0,
      children: run.checkpoints.toSorted((a, b) => b.step - a.step).map((checkpoint) => checkpointRow(run, checkpoint)),
    }));
  return foldRest(rows);
}

function checkpointRow(run: LibraryRun, checkpoint: RunCheckpoint): Row {
  const { path, step, epoch, bytes: size } = checkpoint;
  const [probe] = probesAt(run, step).toSorted((a, b) => b.top1 - a.top1);
  const description = joined([epochWords(epoch), probe && `${probe.protocol} ${percent(probe.top1)}`, bytes(size)]);
  const label = `step ${count(step)}`;
  const spoken = [run.name, label, ...description.split(' · ')].join(', ');
  return leaf({ kind: 'checkpoint', run: run.key, step, path }, { label, description, spoken, icon: 'archive', contextValue: `checkpoint:${run.state}`, command: 'mim.inspectCheckpoint' });
}

/** All probes of the checkpoint, of teachers and random weights too, in Markdown. @param now milliseconds since 1970 */
export function checkpointTooltip(run: LibraryRun, { path, step, epoch, bytes: size, createdAt }: RunCheckpoint, now: number): string {
  const written = Date.parse(createdAt);
  const facts = [epochWords(epoch), bytes(size), ...(Number.isNaN(written) ? [] : [`written ${age(now - written)} ago`])];
  const probes = run.evaluations.filter((probe) => probe.step === step).map(({ protocol, subject, features, layer, top1 }) => `${protocol} of ${subject}, ${features}${layer === undefined ? '' : ` of layer ${layer}`}: ${percent(top1)}`);
  const list = [...facts, ...probes].map((fact) => `- ${plain(fact)}`).join('\n');
  return `**${plain(run.name)}**, step ${count(step)}\n\n${list}\n\n\`${path.replaceAll('`', '')}\``;
}

/** Of what the checkpoint holds; the random baseline and the teacher are the same at every step. */
function probesAt({ evaluations }: LibraryRun, step: number): LibraryRun['evaluations'] {
  return evaluations.filter((probe) => probe.step === step && (probe.subject === 'student' || probe.subject === 'ema-student'));
}

function epochWords(epoch: number): string {
  return `epoch ${Number(epoch.toFixed(2))}`;
}

function amount(checkpoints: number): string {
  return checkpoints === 1 ? '1 checkpoint' : `${checkpoints} checkpoints`;
}
