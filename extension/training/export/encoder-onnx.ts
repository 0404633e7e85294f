/**
 * A vision transformer of any family as an ONNX graph of standard operators: images in, pooled features out, for any number
 * of images at once. The order of operations is that of nn/encoder.ts.
 */
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import type { HostTensor, NamedTensors } from '../../core/tensors';
import { OnnxGraph, type OnnxAttribute } from '../engines/compiled/onnx-writer';

/** LayerNormalization is a standard operator from 17 on; nothing here is newer, so that old runtimes open the file. */
export const OPSET = 17;
/** The IR version that came with opset 17 (ONNX 1.12). */
export const IR_VERSION = 8;

/** Behind the last element of any axis. */
const END = 2 ** 31 - 1;

export const INPUT = 'images';
export const OUTPUTS = ['cls', 'mean'] as const;

/**
 * Input `images` [batch, 3, S, S], normalised by the shape's mean and deviation. Outputs, both after the final norm:
 * `cls` [batch, D] and `mean` [batch, D], the mean of the patch tokens (neither CLS nor registers).
 *
 * @param tensors timm names, as `timmSpecs(shape)` has them
 */
export function encoderGraph(tensors: NamedTensors, shape: TeacherShape): OnnxGraph {
  const build = new EncoderBuilder(tensors, shape);
  let x = build.embed(INPUT);
  for (let i = 0; i < shape.depth; i++) x = build.block(`blocks.${i}`, x);
  build.pool(build.norm('norm', x));
  return build.graph;
}

class EncoderBuilder {
  readonly graph = new OnnxGraph('encoder');
  private readonly written = new Set<string>();
  private made = 0;

  constructor(
    private readonly tensors: NamedTensors,
    private readonly shape: TeacherShape,
  ) {
    const { imageSize, width } = shape;
    this.graph.input(INPUT, 'float32', ['batch', 3, imageSize, imageSize]);
    for (const output of OUTPUTS) this.graph.output(output, 'float32', ['batch', width]);
  }

  /** Tokens [CLS; registers; patches] with their positions, [batch, 1+R+L, D]. */
  embed(images: string): string {
    const { width, patchSize, prenorm } = this.shape;
    const { leading, patchPositions } = this.positions();
    const bias = this.shape.patchBias ? [this.weight('patch_embed.proj.bias')] : [];
    const grid = this.node('Conv', [images, this.weight('patch_embed.proj.weight'), ...bias], { kernel_shape: [patchSize, patchSize], strides: [patchSize, patchSize] });
    const rows = this.node('Transpose', [this.node('Reshape', [grid, this.int64s(0, width, -1)])], { perm: [0, 2, 1] });
    const placed = this.node('Add', [rows, this.floats('patch_positions', [1, patchPositions.length / width, width], patchPositions)]);
    const count = leading.length / width;
    const batch = this.node('Shape', [images], { start: 0, end: 1 });
    const size = this.node('Concat', [batch, this.int64s(count, width)], { axis: 0 });
    const repeated = this.node('Expand', [this.floats('leading_tokens', [1, count, width], leading), size]);
    const tokens = this.node('Concat', [repeated, placed], { axis: 1 });
    return prenorm ? this.norm('norm_pre', tokens) : tokens;
  }

  block(name: string, x: string): string {
    const attended = this.layerScaled(`${name}.ls1`, this.attention(`${name}.attn`, this.norm(`${name}.norm1`, x)));
    const afterAttention = this.node('Add', [x, attended]);
    const branch = this.layerScaled(`${name}.ls2`, this.mlp(`${name}.mlp`, this.norm(`${name}.norm2`, afterAttention)));
    return this.node('Add', [afterAttention, branch]);
  }

  norm(name: string, x: string): string {
    return this.node('LayerNormalization', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], { axis: -1, epsilon: { float: this.shape.normEps } });
  }

  pool(tokens: string): void {
    const skip = 1 + this.shape.registers;
    this.graph.node('Gather', [tokens, this.index(0)], ['cls'], { axis: 1 });
    const patches = this.node('Slice', [tokens, this.int64s(skip), this.int64s(END), this.int64s(1)]);
    this.graph.node('ReduceMean', [patches], ['mean'], { axes: [1], keepdims: 0 });
  }

  /** CLS and registers as they enter the first block, and the positions of the patches; see `timmSpecs` on who has which. */
  private positions(): { readonly leading: Float32Array; readonly patchPositions: Float32Array } {
    const { width, registers } = this.shape;
    const table = this.tensor('pos_embed').data as Float32Array;
    const cls = this.tensor('cls_token').data as Float32Array;
    if (registers === 0) return { leading: cls.map((value, i) => value + table[i]!), patchPositions: table.subarray(width) };
    const leading = new Float32Array((1 + registers) * width);
    leading.set(cls);
    leading.set(this.tensor('reg_token').data, width);
    return { leading, patchPositions: table };
  }

  private attention(name: string, x: string): string {
    const { width, heads } = this.shape;
    const headWidth = width / heads;
    const split = this.node('Reshape', [this.linear(`${name}.qkv`, x), this.int64s(0, 0, 3, heads, headWidth)]);
    const parts = this.node('Transpose', [split], { perm: [2, 0, 3, 1, 4] });
    const [q, k, v] = [0, 1, 2].map((part) => this.node('Gather', [parts, this.index(part)], { axis: 0 }));
    const products = this.node('MatMul', [this.node('Mul', [q!, this.scalar(1 / Math.sqrt(headWidth))]), this.node('Transpose', [k!], { perm: [0, 1, 3, 2] })]);
    const biased = this.shape.relativePositions ? this.node('Add', [products, this.weight(`${name}.rel_pos_bias`)]) : products;
    const attended = this.node('MatMul', [this.node('Softmax', [biased], { axis: -1 }), v!]);
    const merged = this.node('Reshape', [this.node('Transpose', [attended], { perm: [0, 2, 1, 3] }), this.int64s(0, 0, width)]);
    return this.linear(`${name}.proj`, merged);
  }

  private mlp(name: string, x: string): string {
    const hidden = this.linear(`${name}.fc1`, x);
    return this.linear(`${name}.fc2`, this.shape.mlp === 'swiglu' ? this.swiGlu(name, hidden) : this.shape.activation === 'gelu' ? this.gelu(hidden) : this.gated(hidden, 1.702));
  }

  /** silu(gate)·value of the two halves. */
  private swiGlu(name: string, hidden: string): string {
    const half = this.tensor(`${name}.fc1.bias`).shape[0]! / 2;
    const [gate, value] = [this.fresh(), this.fresh()];
    this.graph.node('Split', [hidden, this.int64s(half, half)], [gate, value], { axis: -1 });
    return this.node('Mul', [this.gated(gate, 1), value]);
  }

  /** x·Φ(x); `Gelu` itself is an operator only from opset 20 on. */
  private gelu(x: string): string {
    const erf = this.node('Erf', [this.node('Mul', [x, this.scalar(Math.SQRT1_2)])]);
    return this.node('Mul', [x, this.node('Mul', [this.node('Add', [erf, this.scalar(1)]), this.scalar(0.5)])]);
  }

  /** x·σ(scale·x) */
  private gated(x: string, scale: number): string {
    return this.node('Mul', [x, this.node('Sigmoid', [scale === 1 ? x : this.node('Mul', [x, this.scalar(scale)])])]);
  }

  private layerScaled(name: string, branch: string): string {
    return this.shape.layerScale ? this.node('Mul', [branch, this.weight(`${name}.gamma`)]) : branch;
  }

  private linear(name: string, x: string): string {
    return this.node('Add', [this.node('MatMul', [x, this.transposed(`${name}.weight`)]), this.weight(`${name}.bias`)]);
  }

  private tensor(name: string): HostTensor {
    const tensor = this.tensors[name];
    if (tensor === undefined) throw new Error(`The encoder has no tensor ${name}.`);
    return tensor;
  }

  private weight(name: string): string {
    const { shape, data } = this.tensor(name);
    return this.floats(name, shape, data as Float32Array);
  }

  /** PyTorch's [out, in] as the [in, out] that MatMul takes, so that no runtime has to turn it at each call. */
  private transposed(name: string): string {
    const { shape, data } = this.tensor(name);
    const [rows, columns] = shape as [number, number];
    const turned = new Float32Array(data.length);
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]!;
    return this.floats(name, [columns, rows], turned);
  }

  private floats(name: string, shape: readonly number[], data: Float32Array): string {
    return this.once(name, () => this.graph.initializer(name, 'float32', shape, data));
  }

  private scalar(value: number): string {
    return this.floats(`scalar_${value}`, [], Float32Array.of(value));
  }

  private int64s(...values: readonly number[]): string {
    const name = `int64_${values.join('_')}`;
    return this.once(name, () => this.graph.initializer(name, 'int64', [values.length], BigInt64Array.from(values.map(BigInt))));
  }

  private index(value: number): string {
    const name = `index_${value}`;
    return this.once(name, () => this.graph.initializer(name, 'int64', [], BigInt64Array.of(BigInt(value))));
  }

  private once(name: string, write: () => void): string {
    if (!this.written.has(name)) write();
    this.written.add(name);
    return name;
  }

  private node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    const result = this.fresh();
    this.graph.node(op, inputs, [result], attributes);
    return result;
  }

  private fresh(): string {
    return `v${this.made++}`;
  }
}
