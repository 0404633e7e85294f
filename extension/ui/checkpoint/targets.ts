/** Which checkpoint files a command is about: what it was called on, or what the user may choose from. */
import path from 'node:path';
import { MODEL_FILE } from '../../core/checkpoints/checkpoint-folder';
import type { LibraryRun } from '../../core/library/library-run';
import type { Node } from '../nodes';

/** A file from the explorer or the editor's title, as `vscode.Uri` has it. */
interface FileTarget {
  readonly scheme: string;
  readonly fsPath: string;
}

export type Target = Node | FileTarget;

export interface CheckpointChoice {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  readonly file: string;
}

/**
 * A menu on a selection calls with the item clicked and all that are selected.
 * @returns what can be inspected of it, each file once.
 */
export function filesOf(clicked: Target | undefined, selected: readonly Target[] | undefined, runs: readonly LibraryRun[]): string[] {
  const targets = selected !== undefined && selected.length > 1 ? selected : clicked === undefined ? [] : [clicked];
  const files = targets.map((target) => fileOf(target, runs)).filter((file) => file !== undefined);
  return [...new Set(files)];
}

function fileOf(target: Target, runs: readonly LibraryRun[]): string | undefined {
  if ('scheme' in target) return target.fsPath;
  if (target.kind === 'checkpoint') return path.join(target.path, MODEL_FILE);
  if (target.kind !== 'run') return undefined;
  const newest = runs.find(({ key }) => key === target.run)?.checkpoints.toSorted((a, b) => a.step - b.step).at(-1);
  return newest && path.join(newest.path, MODEL_FILE);
}

/** The change is told from what was trained less to what was trained more: of one run's checkpoints, the earlier comes first. */
export function inOrder([a, b]: readonly [string, string], runs: readonly LibraryRun[]): [string, string] {
  for (const { checkpoints } of runs) {
    const [first, second] = [a, b].map((file) => checkpoints.find((checkpoint) => checkpoint.path === path.dirname(file))?.step);
    if (first !== undefined && second !== undefined && second < first) return [b, a];
  }
  return [a, b];
}

/** Every checkpoint of the library, newest run first and within it the latest step first. */
export function checkpointChoices(runs: readonly LibraryRun[], without?: string): CheckpointChoice[] {
  return runs.flatMap((run) =>
    run.checkpoints
      .toSorted((a, b) => b.step - a.step)
      .map(({ path: folder, step, epoch }) => ({
        label: `${run.name}, step ${step.toLocaleString('en')}`,
        description: [`epoch ${Number(epoch.toFixed(2))}`, ...probesAt(run, step)].join(', '),
        detail: folder,
        // Weights are put beside weights, adaptors beside adaptors.
        file: path.join(folder, without === undefined ? MODEL_FILE : nameBeside(without)),
      }))
      .filter(({ file }) => file !== without),
  );
}

const CHECKPOINT_FILES: ReadonlySet<string> = new Set([MODEL_FILE, 'method.safetensors', 'state.safetensors']);

function nameBeside(file: string): string {
  const name = path.basename(file);
  return CHECKPOINT_FILES.has(name) ? name : MODEL_FILE;
}

function probesAt({ evaluations }: LibraryRun, step: number): string[] {
  return evaluations.filter((probe) => probe.step === step && probe.subject === 'student').map(({ protocol, layer, top1 }) => `${protocol}${layer === undefined ? '' : ` of layer ${layer}`} ${(100 * top1).toFixed(1)} %`);
}
