/** Experiments as files: begun from a template, run, swept, looked at before they are run. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { JobSpec } from '../../core/jobs/job';
import { launcherKind } from '../../core/launchers/launcher';
import { UserError } from '../../core/problems';
import { isExperiment } from '../yaml/experiment-files';
import type { Register, Services } from '../services';
import { registerCommand } from './command';
import { placedText, teacherTemplate, templatesIn, type Template } from './templates';

export const registerExperiments: Register = (services) =>
  vscode.Disposable.from(
    registerCommand(services.log, 'mim.newExperiment', () => newExperiment(services)),
    registerCommand(services.log, 'mim.runPretraining', async (file?: unknown) => start(services, await chooseExperiment(file))),
    registerCommand(services.log, 'mim.runSweep', async (file?: unknown) => start(services, await chooseExperiment(file), 'sweep')),
    registerCommand(services.log, 'mim.previewMasks', async (file?: unknown) => preview(services, await chooseExperiment(file))),
  );

async function newExperiment({ context }: Services): Promise<void> {
  const templates = await templatesIn(context.asAbsolutePath('examples'));
  const chosen = await vscode.window.showQuickPick(templates, { title: 'New Experiment', placeHolder: 'Start from', matchOnDetail: true });
  if (chosen === undefined) return;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({ title: 'New Experiment', defaultUri: folder && vscode.Uri.joinPath(folder, chosen.label), filters: { Experiment: ['yaml', 'yml'] }, saveLabel: 'Create' });
  if (target === undefined) return;
  const file = /\.mim\.ya?ml$/.test(target.path) ? target : target.with({ path: `${target.path.replace(/\.ya?ml$/, '')}.mim.yaml` });
  // The dialog asked about the name it was given, which may have got an ending since.
  const isNew = file.path !== target.path && (await vscode.workspace.fs.stat(file).then(() => true, () => false));
  if (isNew) throw new UserError('MIM9504', `${path.basename(file.fsPath)} is there already.`, 'Choose another name.');
  const text = await readFile(chosen.file, 'utf8');
  await vscode.workspace.fs.writeFile(file, Buffer.from(placedText(text)));
  await vscode.window.showTextDocument(file);
  const teacher = teacherTemplate(text, templates);
  if (teacher !== undefined) await addTeacher(teacher, vscode.Uri.joinPath(file, '..', teacher.label));
}

/** Beside the experiment that learns from it, unless there is one already. */
async function addTeacher(teacher: Template, file: vscode.Uri): Promise<void> {
  const isThere = await vscode.workspace.fs.stat(file).then(() => true, () => false);
  if (!isThere) await vscode.workspace.fs.writeFile(file, Buffer.from(placedText(await readFile(teacher.file, 'utf8'))));
  const words = `The student learns from the teacher that ${teacher.label} trains${isThere ? '' : ', now beside it'}. Run that one first.`;
  void vscode.window.showInformationMessage(words, 'Train Teacher').then((chosen) => {
    if (chosen !== undefined) void vscode.commands.executeCommand('mim.runPretraining', file);
  });
}

/** The file a menu was opened on, else the one in front, else one the user picks. */
export async function chooseExperiment(given: unknown): Promise<vscode.Uri | undefined> {
  if (given instanceof vscode.Uri) return given;
  const front = vscode.window.activeTextEditor?.document;
  if (front !== undefined && isExperiment(front)) {
    if (front.isUntitled) throw new UserError('MIM9505', 'The experiment is not saved yet.', 'Save it as a *.mim.yaml file, so that its relative paths mean something.');
    return front.uri;
  }
  const files = await vscode.workspace.findFiles('**/*.mim.{yaml,yml}', '**/node_modules/**', 500);
  if (files.length === 0) return offerNew();
  // A picture of its masks may be in front of the experiment one works on.
  const seen = new Set(vscode.window.visibleTextEditors.map(({ document }) => document.uri.toString()));
  const choices = files.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), description: seen.has(uri.toString()) ? 'open' : '', uri }));
  choices.sort((a, b) => b.description.localeCompare(a.description) || a.label.localeCompare(b.label));
  return (await vscode.window.showQuickPick(choices, { title: 'Experiment' }))?.uri;
}

async function offerNew(): Promise<undefined> {
  const chosen = await vscode.window.showErrorMessage('MIM: There is no experiment (*.mim.yaml) in this workspace.', 'New Experiment');
  if (chosen !== undefined) await vscode.commands.executeCommand('mim.newExperiment');
}

/** A file that describes many runs is a sweep, whichever command started it; one that does not is none. */
async function start(services: Services, file: vscode.Uri | undefined, wanted?: 'sweep'): Promise<void> {
  if (file === undefined) return;
  const loaded = await ready(file);
  if (loaded === undefined) return;
  if (wanted === 'sweep' && !loaded.isSweep) throw new UserError('MIM9506', `${path.basename(file.fsPath)} has no \`sweep\` section.`, 'Name the keys to vary in `sweep.grid`, or run it with `MIM: Run Pretraining`.');
  await services.places.read(file, loaded.source);
  const kind = loaded.isSweep ? 'sweep' : 'pretrain';
  if (launcherKind(loaded.launcher) === 'here') await startHere(services, { kind, configFile: file.fsPath });
  else await handOver(services, kind, file);
}

async function startHere({ jobs, library }: Services, spec: Extract<JobSpec, { kind: 'sweep' | 'pretrain' }>): Promise<void> {
  await jobs.start(spec);
  void library.refresh();
  offerDashboard(`${spec.kind === 'sweep' ? 'Sweep' : 'Pretraining'} of ${path.basename(spec.configFile)} started.`);
}

/** To the queue of this machine, or to a cluster: what it answers is what there is to say. */
async function handOver({ mim, library }: Services, kind: 'sweep' | 'pretrain', { fsPath }: vscode.Uri): Promise<void> {
  const { stdout } = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: `Handing over ${path.basename(fsPath)}` }, () => mim.run([kind, fsPath], { cwd: path.dirname(fsPath) }));
  void library.refresh();
  offerDashboard(firstSentence(stdout));
}

function offerDashboard(told: string): void {
  void vscode.window.showInformationMessage(told, 'Open Dashboard').then((chosen) => {
    if (chosen !== undefined) void vscode.commands.executeCommand('mim.openDashboard');
  });
}

/** Saved and free of errors; else the errors are shown where they are. */
export async function ready(file: vscode.Uri) {
  requireTrust();
  const open = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === file.toString());
  if (open?.isDirty === true && !(await open.save())) throw new UserError('MIM9507', `${path.basename(file.fsPath)} could not be saved.`, 'Save it, then run it.');
  try {
    const { loadExperiment } = await import('../../core/config/load');
    return await loadExperiment(file.fsPath);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await vscode.window.showTextDocument(file);
    const shown = await vscode.window.showErrorMessage(`MIM: ${path.basename(file.fsPath)} cannot be run: ${firstSentence(error.message)}`, 'Show Problems');
    if (shown !== undefined) await vscode.commands.executeCommand('workbench.actions.view.problems');
    return undefined;
  }
}

function requireTrust(): void {
  if (!vscode.workspace.isTrusted) throw new UserError('MIM9508', 'Nothing is run in a workspace that is not trusted.', 'Trust it with `Workspaces: Manage Workspace Trust`.');
}

const firstSentence = (report: string): string => report.split('\n').find((line) => line.trim() !== '')?.trim() ?? report;

async function preview({ mim, context }: Services, file: vscode.Uri | undefined): Promise<void> {
  if (file === undefined || (await ready(file)) === undefined) return;
  const folder = (context.storageUri ?? context.globalStorageUri).fsPath;
  await mkdir(folder, { recursive: true });
  const picture = path.join(folder, `${path.basename(file.fsPath).replace(/\.mim\.ya?ml$/, '')}-masks.png`);
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: 'Drawing masks', cancellable: true }, (_progress, token) => {
    const abort = new AbortController();
    token.onCancellationRequested(() => abort.abort());
    return mim.run(['preview', file.fsPath, '--output', picture], { cwd: path.dirname(file.fsPath), signal: abort.signal });
  });
  await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(picture), vscode.ViewColumn.Beside);
}
