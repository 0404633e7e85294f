/** What activate() builds once and every feature of the interface is given. */
import type * as vscode from 'vscode';
import type { JobBoard } from '../core/jobs/job';
import type { RunLibrary } from '../core/library/library';
import type { Mim } from './mim';
import type { MimCommand } from './mim-process';
import type { Node } from './nodes';
import type { RunPlaces } from './places';

export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly library: RunLibrary;
  readonly jobs: JobBoard;
  readonly places: RunPlaces;
  readonly mim: Mim;
  /** What runs `mim`, by the settings of now. */
  command(): MimCommand;
  /** What is selected in the view of runs. */
  readonly selection: { runs: readonly Node[] };
}

/** Every feature's folder exports one function of this type. */
export type Register = (services: Services) => vscode.Disposable;
