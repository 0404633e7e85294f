/** An encoder as an .onnx file that was run, and found equal to what this product computes, before it got its name. */
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import { explainWriteError, syncFolder, temporaryBeside, writeNewFile } from '../../core/files/durable-files';
import { UserError } from '../../core/problems';
import type { NamedTensors } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import { createEngine } from '../engines/create';
import type { Program } from '../engines/engine';
import { writeModel } from '../engines/compiled/onnx-writer';
import { encodeImages } from '../nn/encoder';
import { RandomStream } from '../random';
import { encoderGraph, INPUT, IR_VERSION, OPSET, type OUTPUTS } from './encoder-onnx';

/** Largest difference, over the largest magnitude of that output, that rounding explains at any depth. */
const TOLERANCE = 1e-3;
/** Not 1: that the batch is free is part of what is checked. */
const CHECKED_IMAGES = 2;

export interface OnnxExport {
  readonly opset: number;
  /** Of each output: max |onnx − own| / max |own|, over images of Gaussian noise. */
  readonly difference: Readonly<Record<(typeof OUTPUTS)[number], number>>;
}

/**
 * Writes `file`, atomically; see {@link encoderGraph} for its input and outputs.
 *
 * @param source where the weights come from, for the file's metadata
 * @throws UserError MIM3303 (heads do not divide the width), MIM3012 (over 2 GB), MIM3013 (computes something else than this product does; nothing is written), MIM7001 (disk full)
 */
export async function exportOnnx(file: string, tensors: NamedTensors, shape: TeacherShape, source: string): Promise<OnnxExport> {
  if (shape.width % shape.heads !== 0) throw new UserError('MIM3303', `The model's width ${shape.width} is not divisible by its ${shape.heads} heads.`, 'Its file does not tell the number of heads, and width/64 is not it.');
  const model = writeModel(encoderGraph(tensors, shape), {
    irVersion: IR_VERSION,
    operatorSets: { '': OPSET },
    metadata: metadataOf(shape, source),
    tooLarge: (gigabytes) => new UserError('MIM3012', `The model takes ${gigabytes} GB; an ONNX file holds at most 2 GB.`, 'Export it as safetensors.'),
  });
  const temporary = temporaryBeside(file);
  try {
    await writeNewFile(temporary, [model]);
    const difference = await compareWithOwn(temporary, tensors, shape);
    const worst = Math.max(...Object.values(difference));
    // Written so that NaN is refused too.
    if (!(worst <= TOLERANCE)) throw new UserError('MIM3013', `The exported model differs from the checkpoint by ${worst.toPrecision(2)} of its largest feature, so nothing was written.`, 'The weights may not be finite: `mim inspect` tells. Otherwise please report it.');
    await rename(temporary, file);
    await syncFolder(dirname(file));
    return { opset: OPSET, difference };
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainWriteError(error, file);
  }
}

/** `metadata_props`: what must be known to feed the model. Values are JSON or plain words. */
function metadataOf({ imageSize, patchSize, imageMean, imageStd, width, depth, heads, registers }: TeacherShape, source: string): Record<string, string> {
  return {
    image_size: String(imageSize),
    image_mean: JSON.stringify(imageMean),
    image_std: JSON.stringify(imageStd),
    image_layout: 'NCHW, RGB, (pixel / 255 - image_mean) / image_std',
    patch_size: String(patchSize),
    width: String(width),
    depth: String(depth),
    heads: String(heads),
    registers: String(registers),
    outputs: JSON.stringify({ cls: 'CLS token after the final norm', mean: 'mean of the patch tokens after the final norm' }),
    source,
  };
}

async function compareWithOwn(file: string, tensors: NamedTensors, shape: TeacherShape): Promise<OnnxExport['difference']> {
  const sizes = [CHECKED_IMAGES, 3, shape.imageSize, shape.imageSize];
  const noise = new RandomStream(0, 'export-check');
  const images = Float32Array.from({ length: sizes.reduce((product, size) => product * size) }, () => noise.normal());
  const own = await ownFeatures(tensors, shape, sizes, images);
  const session = await InferenceSession.create(file, { executionProviders: ['cpu'], logSeverityLevel: 3 });
  try {
    const exported = await session.run({ [INPUT]: new Tensor('float32', images, sizes) });
    const difference = (name: string): number => relativeDifference(exported[name]!.data as Float32Array, own[name]!.data as Float32Array);
    return { cls: difference('cls'), mean: difference('mean') };
  } finally {
    await session.release();
  }
}

async function ownFeatures(tensors: NamedTensors, shape: TeacherShape, sizes: readonly number[], images: Float32Array) {
  const program: Program = {
    name: 'encoder',
    state: {},
    constants: tensors,
    batch: { images: { shape: sizes, dtype: 'float32' } },
    run({ constants, batch }) {
      const { cls, mean } = encodeImages(constants, shape, batch['images']!);
      return { state: {}, readings: { cls, mean } };
    },
  };
  const { engine } = await createEngine({ kind: 'auto', threads: 0 });
  const state = engine.createState({});
  try {
    const compiled = await engine.compile(program);
    const [readings] = await compiled.run(state, [{ images: float32(sizes, images) }]);
    await compiled.dispose();
    return readings!;
  } finally {
    state.dispose();
    await engine.dispose();
  }
}

/** NaN where either has one. */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < b.length; i++) {
    largest = Math.max(largest, Math.abs(b[i]!));
    apart = Math.max(apart, Math.abs(a[i]! - b[i]!));
  }
  return apart === 0 ? 0 : apart / largest;
}
