/** Matrix products as kernels: B is brought into panels first where its columns do not lie side by side. */
import { elementCount } from '../../../core/tensors';
import type { Operations, ValueId } from '../compiled/ir';
import { broadcast, changed, type Expression, type Load, type View } from './expression';
import { kernelOf, type Kernel } from './kernel';
import { mapKernel } from './loop-kernels';
import { lastPanelWidth, panelElements, panelWidth, productCode, productUnits, type BatchAxis, type ProductShape } from './product-kernel';

/** Rows of K that pass before the next panel of B; fewer where A is read across its rows. Measured. */
const DEPTH = 384;
const DEPTH_ACROSS = 128;
/** Multiply-adds that take as long as an element of a simple kernel. */
const WORK = 1 / 16;

export interface ProductParts {
  readonly a: Load;
  readonly aShape: readonly number[];
  /** Not a number. */
  readonly b: Expression;
  readonly bShape: readonly number[];
  /** Its columns lie side by side. */
  readonly to: View;
  readonly shape: readonly number[];
  /** Makes memory for so many numbers. */
  scratch(elements: number): ValueId;
}

interface Packed {
  readonly kernels: readonly Kernel[];
  readonly view: View;
}

/** B [batch…, K, N] in panels, computed on the way if it is not in memory. */
function packed(b: Expression, shape: readonly number[], scratch: ProductParts['scratch']): Packed {
  const batch = shape.slice(0, -2);
  const [k, n] = shape.slice(-2) as [number, number];
  const [width, last] = [panelWidth(n), lastPanelWidth(n)];
  const full = Math.floor(n / width);
  const each = panelElements(n, k);
  const root = scratch(each * elementCount(batch));
  const outer = batch.map((_, axis) => each * batch.slice(axis + 1).reduce((product, size) => product * size, 1));
  const rank = batch.length;
  const kernels: Kernel[] = [];
  if (full > 0) {
    const panels = changed(b, ({ strides, ...load }) => ({ ...load, strides: [...strides.slice(0, rank), width * strides[rank + 1]!, strides[rank]!, strides[rank + 1]!] }))!;
    kernels.push(mapKernel('Panels', [...batch, full, k, width], [{ expression: panels, to: { root, offset: 0, strides: [...outer, k * width, width, 1] } }]));
  }
  if (last > 0) {
    const rest = changed(b, (load) => ({ ...load, offset: load.offset + full * width * load.strides[rank + 1]! }))!;
    kernels.push(mapKernel('Panels', [...batch, k, n - full * width], [{ expression: rest, to: { root, offset: full * width * k, strides: [...outer, last, 1] } }]));
  }
  return { kernels, view: { root, offset: 0, strides: [...outer, 0, 0] } };
}

/** The last two axes as the product means them. */
function matrix(strides: readonly number[], turned: boolean): { row: number; column: number } {
  const [row, column] = strides.slice(-2) as [number, number];
  return turned ? { row: column, column: row } : { row, column };
}

function turnedShape(shape: readonly number[], turned: boolean): number[] {
  const [row, column] = shape.slice(-2) as [number, number];
  return [...shape.slice(0, -2), ...(turned ? [column, row] : [row, column])];
}

function turnedExpression(expression: Expression, turned: boolean): Expression {
  if (!turned) return expression;
  return changed(expression, (load) => ({ ...load, strides: [...load.strides.slice(0, -2), load.strides.at(-1)!, load.strides.at(-2)!] }))!;
}

export function productKernels({ transA, transB, alpha }: Operations['MatMul'], { a, aShape, b, bShape, to, shape, scratch }: ProductParts): { pack: readonly Kernel[]; product: Kernel } {
  const batch = shape.slice(0, -2);
  const [rows, n] = shape.slice(-2) as [number, number];
  const k = turnedShape(bShape, transB).at(-2)!;
  const right = turnedExpression(b, transB);
  const isDirect = right.kind === 'load' && (right.strides.at(-1) === 1 || n === 1);
  const { kernels: pack, view } = isDirect ? { kernels: [], view: right } : packed(right, turnedShape(bShape, transB), scratch);
  const left = broadcast(a, aShape, [...batch, ...aShape.slice(-2)]) as Load;
  const bBatch = bShape.slice(0, -2);
  const bStrides = batch.map((size, axis) => {
    const own = axis - (batch.length - bBatch.length);
    return own < 0 || bBatch[own] !== size ? 0 : view.strides[own]!;
  });
  const aMatrix = matrix(left.strides, transA);
  let m = rows;
  const axes: BatchAxis[] = batch.map((size, axis) => ({ size, a: left.strides[axis]!, b: bStrides[axis]!, c: to.strides[axis]! })).filter(({ size }) => size > 1);
  const cRow = to.strides.at(-2)!;
  // A batch that shares B is more rows of the same product, where it lies so.
  for (let inner = axes.at(-1); inner?.b === 0 && inner.a === m * aMatrix.row && inner.c === m * cRow; inner = axes.at(-1)) {
    m *= inner.size;
    axes.pop();
  }
  const product: ProductShape = {
    m, n, k, alpha, a: aMatrix, b: isDirect ? { row: view.strides.at(-2)! } : 'panels', c: cRow, batch: axes,
    depth: aMatrix.column === 1 ? DEPTH : DEPTH_ACROSS,
  };
  const work = elementCount(shape) * k * WORK;
  return { pack, product: kernelOf({ name: 'MatMul', code: productCode(product), views: [a, view, to], writes: [to], units: productUnits(product), work }) };
}
