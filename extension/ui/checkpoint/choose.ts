/** Asks for a checkpoint: those of the library, or any file. */
import * as vscode from 'vscode';
import type { RunLibrary } from '../../core/library/library';
import { checkpointChoices, type CheckpointChoice } from './targets';

const BROWSE = { label: '$(folder-opened) Browse…', description: 'a .safetensors file made elsewhere', detail: '' } as const;

/**
 * @param without the file that is already chosen, to be compared with another.
 * @returns undefined where the user declines.
 */
export async function chooseCheckpoint(library: RunLibrary, title: string, without?: string): Promise<string | undefined> {
  // What was saved and set aside since the library last looked is known before the question.
  await library.refresh();
  const choices: (CheckpointChoice | typeof BROWSE)[] = [...checkpointChoices(library.runs, without), BROWSE];
  const chosen = await vscode.window.showQuickPick(choices, { title, placeHolder: 'Checkpoint of a run', matchOnDescription: true, matchOnDetail: true });
  if (chosen === undefined) return undefined;
  if ('file' in chosen) return chosen.file;
  const files = await vscode.window.showOpenDialog({ title, canSelectMany: false, openLabel: 'Inspect', filters: { Safetensors: ['safetensors'] } });
  return files?.[0]?.fsPath;
}
