/** What is done with a checkpoint: probed, resumed from, branched from, exported. */
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { MODEL_FILE } from '../../core/checkpoints/checkpoint-folder';
import type { JobSpec } from '../../core/jobs/job';
import type { LibraryRun, RunCheckpoint } from '../../core/library/library-run';
import { UserError } from '../../core/problems';
import type { Node } from '../nodes';
import type { Register, Services } from '../services';
import { registerCommand } from './command';

interface Chosen {
  readonly run: LibraryRun;
  readonly checkpoint: RunCheckpoint;
}

export const registerCheckpointCommands: Register = (services) => {
  const on = (id: string, title: string, work: (services: Services, chosen: Chosen) => Promise<void>, fits: (run: LibraryRun) => boolean = () => true) =>
    registerCommand(services.log, id, async (clicked?: Node) => {
      const chosen = await choose(services, { title, fits }, clicked);
      if (chosen !== undefined) await work(services, chosen);
    });
  return vscode.Disposable.from(
    on('mim.evaluateCheckpoint', 'Evaluate Checkpoint', evaluate),
    on('mim.resumeFromCheckpoint', 'Resume from Checkpoint', resume, canResume),
    on('mim.branchFromCheckpoint', 'Branch from Checkpoint', branch),
    on('mim.exportCheckpoint', 'Export Checkpoint', exportCheckpoint),
  );
};

/** @param question `fits` tells which runs are offered where none was clicked. */
async function choose({ library }: Services, { title, fits }: { readonly title: string; readonly fits: (run: LibraryRun) => boolean }, clicked?: Node): Promise<Chosen | undefined> {
  const run = clicked?.kind === 'run' || clicked?.kind === 'checkpoint' ? library.get(clicked.run) : undefined;
  if (run !== undefined) {
    const checkpoint = clicked?.kind === 'checkpoint' ? run.checkpoints.find(({ step }) => step === clicked.step) : newestFirst(run)[0];
    if (checkpoint === undefined) throw new UserError('MIM9509', `${run.name} has no checkpoint${clicked?.kind === 'checkpoint' ? ' of this step any more' : ' yet'}.`);
    return { run, checkpoint };
  }
  // A run at work puts newer ones in the place of those the library last saw.
  await library.refresh();
  const choices = library.runs.filter(fits).flatMap((each) => newestFirst(each).map((checkpoint) => ({ label: `${each.name}, step ${checkpoint.step.toLocaleString('en')}`, description: each.state, run: each, checkpoint })));
  if (choices.length === 0) throw new UserError('MIM9509', 'There is no such checkpoint yet.', 'Run a pretraining first.');
  return vscode.window.showQuickPick(choices, { title, matchOnDescription: true });
}

const newestFirst = (run: LibraryRun): RunCheckpoint[] => run.checkpoints.toSorted((a, b) => b.step - a.step);

interface Protocol {
  readonly label: string;
  readonly detail: string;
  readonly options: Omit<Extract<JobSpec, { kind: 'evaluate' }>, 'kind' | 'run' | 'step'>;
}

const PROTOCOLS = [
  { label: 'Linear probe', detail: 'A linear classifier on frozen features, small preset: quick, right for small data.', options: { protocol: 'linear', preset: 'small' } },
  { label: 'Linear probe, as MAE', detail: 'The protocol of MAE: LARS, 90 epochs, batch normalisation without affine parameters.', options: { protocol: 'linear', preset: 'mae' } },
  { label: 'Linear probe of CLS and mean', detail: 'The small preset on the CLS token and the mean of the patch tokens together.', options: { protocol: 'linear', preset: 'small', features: 'both' } },
  { label: 'Linear probe with 1 % of the labels', detail: 'A hundredth of the labels of every class, drawn five times: mean and standard deviation.', options: { protocol: 'linear', preset: 'small', labelFraction: 0.01 } },
  { label: 'Linear probe with 10 % of the labels', detail: 'A tenth of the labels of every class, drawn five times: mean and standard deviation.', options: { protocol: 'linear', preset: 'small', labelFraction: 0.1 } },
  { label: 'Attentive probe', detail: 'Learned queries pool the patch tokens before a linear classifier (efficient probing). Takes longer.', options: { protocol: 'attentive', preset: 'small' } },
  { label: 'Robustness', detail: 'A linear probe trained on clean images, on noise, blur, low contrast and JPEG at five severities.', options: { protocol: 'robustness' } },
  { label: 'kNN', detail: 'Weighted votes of the 20 nearest training images. Nothing is trained.', options: { protocol: 'knn' } },
  { label: 'kNN of every layer', detail: 'Where in the depth the features separate the classes best: the Probe page of the dashboard draws it.', options: { protocol: 'knn', layers: 'all' } },
  { label: 'Fine-tuning', detail: 'The encoder itself trained with labels, 20 epochs with mixup and layer decay. Takes as long as a training.', options: { protocol: 'finetune', preset: 'small' } },
] as const satisfies readonly Protocol[];

async function evaluate(services: Services, { run, checkpoint }: Chosen): Promise<void> {
  const chosen = await vscode.window.showQuickPick(PROTOCOLS, { title: `Evaluate ${run.name}, step ${checkpoint.step}`, placeHolder: 'Protocol' });
  if (chosen !== undefined) await start(services, { kind: 'evaluate', run: run.key, step: checkpoint.step, ...chosen.options }, `Evaluation of ${run.name}, step ${checkpoint.step}, started.`);
}

const canResume = ({ state }: LibraryRun): boolean => state !== 'running' && state !== 'paused';

async function resume(services: Services, { run, checkpoint }: Chosen): Promise<void> {
  if (!canResume(run)) throw new UserError('MIM9510', `${run.name} is at work.`, 'Stop it first.');
  const later = run.checkpoints.filter(({ step }) => step > checkpoint.step).length;
  if (later > 0) {
    const detail = `It goes on from step ${checkpoint.step}. ${later} later ${later === 1 ? 'checkpoint is' : 'checkpoints are'} set aside in the run's folder, not deleted, and the records after that step are written anew.`;
    if ((await vscode.window.showWarningMessage(`Resume ${run.name} from an earlier checkpoint?`, { modal: true, detail }, 'Resume')) !== 'Resume') return;
  }
  await start(services, { kind: 'resume', run: run.key, step: checkpoint.step }, `${run.name} goes on from step ${checkpoint.step}.`);
}

async function start({ jobs, library }: Services, spec: JobSpec, words: string): Promise<void> {
  if (!vscode.workspace.isTrusted) throw new UserError('MIM9508', 'Nothing is run in a workspace that is not trusted.', 'Trust it with `Workspaces: Manage Workspace Trust`.');
  await jobs.start(spec);
  void library.refresh();
  void vscode.window.showInformationMessage(words, 'Open Dashboard').then((chosen) => {
    if (chosen !== undefined && 'run' in spec) void vscode.commands.executeCommand('mim.openDashboard', { kind: 'run', run: spec.run });
  });
}

/** Beside the experiment it comes from, unsaved: the user names it, changes it, or closes it. */
async function branch(_services: Services, { run, checkpoint }: Chosen): Promise<void> {
  const source = run.experimentFile ?? path.join(run.key, 'source.yaml');
  const written = await readFile(source, 'utf8').catch(() => {
    throw new UserError('MIM9511', `The experiment of ${run.name} cannot be read: ${source} is gone.`);
  });
  const folder = path.dirname(run.experimentFile ?? run.key);
  const name = `${path.basename(run.experimentFile ?? run.id).replace(/\.mim\.ya?ml$/, '')}-from-${checkpoint.step}.mim.yaml`;
  const file = vscode.Uri.file(path.join(folder, name)).with({ scheme: 'untitled' });
  const document = await vscode.workspace.openTextDocument(file);
  const editor = await vscode.window.showTextDocument(document);
  const { branchOf } = await import('./branch');
  const text = branchOf(written, { weights: path.join(checkpoint.path, MODEL_FILE), step: checkpoint.step, ...(run.experimentFile === undefined ? {} : { folder }) });
  await editor.edit((edit) => edit.replace(new vscode.Range(document.positionAt(0), document.positionAt(document.getText().length)), text));
}

const EXPORT_FORMATS = [
  { label: 'Safetensors', detail: "The weights with timm's names and layouts.", name: 'Safetensors', extension: 'safetensors', wrote: "timm's names and layouts." },
  { label: 'ONNX', detail: 'The encoder, images in, CLS and mean features out; checked against the checkpoint.', name: 'ONNX', extension: 'onnx', wrote: 'the encoder, checked against the checkpoint.' },
] as const;

async function exportCheckpoint({ mim }: Services, { run, checkpoint }: Chosen): Promise<void> {
  const format = await vscode.window.showQuickPick(EXPORT_FORMATS, { title: `Export ${run.name}, step ${checkpoint.step}`, placeHolder: 'Format' });
  if (format === undefined) return;
  const { name, extension, wrote } = format;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({ title: 'Export Checkpoint', defaultUri: folder && vscode.Uri.joinPath(folder, `${run.id}-${checkpoint.step}.${extension}`), filters: { [name]: [extension] }, saveLabel: 'Export' });
  if (target === undefined) return;
  await mim.run(['export', checkpoint.path, '--format', extension, '--output', target.fsPath]);
  const message = `Wrote ${vscode.workspace.asRelativePath(target)}: ${wrote}`;
  if (extension === 'onnx') return void vscode.window.showInformationMessage(message);
  const chosen = await vscode.window.showInformationMessage(message, 'Inspect');
  if (chosen !== undefined) await vscode.commands.executeCommand('vscode.open', target);
}
