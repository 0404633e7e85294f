/** Installs an engine for GPUs, and shows what it needs of this machine as a page that can be read and copied. */
import * as vscode from 'vscode';
import { UserError } from '../../core/problems';
import type { Register } from '../services';
import { registerCommand } from './command';

const PAGE = vscode.Uri.parse('mim-gpu-engine:MIM%20GPU%20Engine.txt');
const ENGINES = [
  { label: 'wgsl', description: 'any GPU with Vulkan or Metal, the fastest', detail: 'Compiled steps as kernels of our own, over Dawn; 0.15 GB' },
  { label: 'tfjs-node-gpu', description: 'NVIDIA, by CUDA 11', detail: 'TensorFlow 2.9; some hundreds of megabytes are downloaded' },
  { label: 'tfjs-webgpu', description: 'any GPU with Vulkan or Metal', detail: 'TensorFlow.js, for methods under development; 0.2 GB' },
];

export const registerGpuEngine: Register = ({ log, mim }) => {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  let report = '';
  const page = vscode.workspace.registerTextDocumentContentProvider(PAGE.scheme, { onDidChange: changed.event, provideTextDocumentContent: () => report });
  const show = async (text: string): Promise<void> => {
    report = text;
    changed.fire(PAGE);
    await vscode.window.showTextDocument(PAGE, { preview: false });
  };
  const asked = (title: string, args: readonly string[]): Thenable<string> =>
    vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (_progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return (await mim.run(args, { signal: abort.signal })).stdout;
    });
  const command = registerCommand(log, 'mim.setUpGpuEngine', async () => {
    const engine = await vscode.window.showQuickPick(ENGINES, { title: 'Set Up GPU Engine' });
    if (engine === undefined) return;
    try {
      await show(await asked(`Installing ${engine.label}; this takes a while`, ['engine', 'install', engine.label]));
    } catch (error) {
      // What is missing is told whole, beside the sentence that it failed.
      if (error instanceof UserError) await show(await asked('Looking at what is missing', ['engine', 'status']));
      throw error;
    }
    await vscode.commands.executeCommand('mim.engines.refresh');
  });
  return vscode.Disposable.from(changed, page, command);
};
