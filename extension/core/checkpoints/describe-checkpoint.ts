/** What the checkpoint editor shows first: all of it from the header, but for a small matrix of alignment weights. */
import path from 'node:path';
import { errorCode } from '../files/durable-files';
import { UserError } from '../problems';
import type { ToCheckpoint } from '../protocol/checkpoint';
import type { Matrix } from '../protocol/dashboard';
import { MODEL_FILE } from './checkpoint-folder';
import { inspectFile, type FileSummary } from './inspect';
import { tensorChunks, withTensorFile } from './tensor-chunks';

export type CheckpointHeader = Extract<ToCheckpoint, { readonly type: 'header' }>;

/** As a checkpoint keeps it beside the model, and as it is called within a training's state. */
const ALIGNMENT_NAMES = ['alignment_weights', 'method.alignment_weights'];
const METHOD_FILE = 'method.safetensors';
/** More blocks than any encoder has. */
const MAX_LEVELS = 512;

/** @throws UserError MIM3001 (not a valid safetensors file), MIM3002 (cannot be opened). */
export async function describeCheckpoint(file: string): Promise<CheckpointHeader> {
  const summary = await inspectFile(file);
  if (summary.kind !== 'safetensors') {
    throw new UserError('MIM3001', `${file} is not a safetensors file but a PyTorch archive under its name`, 'Rename it to .pt; `mim inspect` reads it, and `mim export` converts a run\'s checkpoint.');
  }
  const { tensors, elements, bytes, metadata, notAModel } = summary;
  return { type: 'header', file, tensors, elements, bytes, metadata, notAModel, model: modelRows(summary), alignment: await alignmentOf(file) };
}

function modelRows({ model }: FileSummary): CheckpointHeader['model'] {
  if (model === undefined) return undefined;
  const { shape, report } = model;
  const rows: [string, string | number][] = [
    ['Naming', report.format === 'mim' ? 'MIM Lab' : report.format],
    ['Blocks', shape.depth],
    ['Width', shape.width],
    ['Heads', shape.heads],
    ['MLP', `${shape.mlp === 'swiglu' ? 'SwiGLU' : shape.activation}, ratio ${shape.mlpRatio}`],
    ['Image', `${shape.imageSize} px in patches of ${shape.patchSize} px`],
    ['Registers', shape.registers],
    ['Tensors used', `${report.used.length}, ${report.ignored.length} ignored, ${report.missing.length} missing`],
  ];
  return rows.map(([label, value]) => ({ label, value: String(value) }));
}

/** From the file itself or, for a model within a checkpoint's folder, from the method's tensors beside it. */
async function alignmentOf(file: string): Promise<Matrix | undefined> {
  const beside = path.join(path.dirname(file), METHOD_FILE);
  return (await alignmentIn(file)) ?? (path.basename(file) === MODEL_FILE ? alignmentIn(beside) : undefined);
}

async function alignmentIn(file: string): Promise<Matrix | undefined> {
  try {
    return await withTensorFile(file, async (opened) => {
      const name = ALIGNMENT_NAMES.find((candidate) => opened.header.tensors.has(candidate));
      const [levels, blocks, ...rest] = (name !== undefined && opened.header.tensors.get(name)?.shape) || [];
      if (name === undefined || levels === undefined || blocks === undefined || rest.length > 0 || Math.max(levels, blocks) > MAX_LEVELS) return undefined;
      const weights: number[] = [];
      for await (const values of tensorChunks(opened, name)) weights.push(...values);
      return {
        rows: numbered(levels),
        columns: numbered(blocks),
        values: Array.from({ length: levels }, (_, row) => weights.slice(row * blocks, (row + 1) * blocks).map((weight) => (Number.isFinite(weight) ? weight : null))),
      };
    });
  } catch (error) {
    // A picture beside the model: without it the model is shown all the same.
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index + 1));
}
