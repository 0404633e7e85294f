/** The commands that belong to no view, and how what they started ended. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { registerCheckpointCommands } from './checkpoints';
import { registerDoctor } from './doctor';
import { registerExperiments } from './experiments';
import { registerExternal } from './external';
import { registerGpuEngine } from './gpu-engine';
import { registerRunControl } from './run-control';
import { registerRunCommands } from './runs';
import { registerJobEndings } from './tell-endings';

const families: readonly Register[] = [registerExperiments, registerRunControl, registerCheckpointCommands, registerRunCommands, registerExternal, registerDoctor, registerGpuEngine, registerJobEndings];

export const registerCommands: Register = (services) => vscode.Disposable.from(...families.map((register) => register(services)));
