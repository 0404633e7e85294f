/** The extension's beginning: makes the services and lets every feature register itself. Nothing here waits for a disk. */
import path from 'node:path';
import * as vscode from 'vscode';
import { createJobBoard } from './core/jobs/board';
import { PROFILES_VARIABLE } from './core/launchers/slurm/profiles-variable';
import { createRunLibrary } from './core/library/poll-library';
import { registerCheckpointEditor } from './ui/checkpoint/register';
import { registerCommands } from './ui/commands/register';
import { registerDashboard } from './ui/dashboard/register';
import { createMim, type MimCommand } from './ui/mim-process';
import { RunPlaces } from './ui/places';
import type { Register, Services } from './ui/services';
import { nodePath, pollMs, slurmProfiles } from './ui/settings';
import { registerQueue } from './ui/queue/register';
import { registerSidebar } from './ui/sidebar/register';
import { registerStatusBar } from './ui/status-bar/register';
import { registerYaml } from './ui/yaml/register';

const features: readonly Register[] = [registerYaml, registerCheckpointEditor, registerDashboard, registerSidebar, registerQueue, registerStatusBar, registerCommands];

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('MIM Lab', { log: true });
  const storage = context.globalStorageUri.fsPath;
  const memory = { folder: path.join(storage, 'library'), version: String((context.extension.packageJSON as { readonly version?: unknown }).version) };
  const library = createRunLibrary({ pollMs: pollMs(), externalMarks: path.join(storage, 'external'), memory });
  const command = () => mimCommand(context);
  // Asked for each job: the setting may have changed.
  const jobs = createJobBoard({ folder: path.join(storage, 'jobs'), get command() { return command(); }, pollMs: pollMs() });
  const places = new RunPlaces(library, jobs);
  const services: Services = { context, log, library, jobs, places, mim: createMim(command), command, selection: { runs: [] } };
  context.subscriptions.push(log, library, jobs, places, ...features.map((register) => register(services)));
  jobs.refresh().catch((error: unknown) => log.error(error instanceof Error ? error : String(error)));
  places.lookForExperiments().catch((error: unknown) => log.error(error instanceof Error ? error : String(error)));
}

/** VS Code's own program runs as Node.js when asked to; the setting names another. */
function mimCommand(context: vscode.ExtensionContext): MimCommand {
  const script = context.asAbsolutePath('dist/mim.mjs');
  const chosen = nodePath();
  const profiles = { [PROFILES_VARIABLE]: JSON.stringify(slurmProfiles()) };
  return chosen === '' ? { executable: process.execPath, args: [script], env: { ELECTRON_RUN_AS_NODE: '1', ...profiles } } : { executable: chosen, args: [script], env: profiles };
}
