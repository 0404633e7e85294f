/** Matrix products as kernels: B is brought into panels first where its columns do not lie side by side. */
import { elementCount } from '../../../core/tensors';
import type { Operations, ValueId } from '../compiled/ir';
import { broadcast, changed, type Expression, type Load, type View } from './expression';
import { kernelOf, type Kernel, type Reach } from './kernel';
import type { Axis } from './loops';
import { mapKernel, streamsPast } from './loop-kernels';
import { eightRowsKernel, turnedPanelsKernel } from './panel-kernels';
import { lastPanelWidth, panelElements, panelWidth, productCode, productUnits, tileRows, type BatchAxis, type Ending, type ProductShape } from './product-kernel';
import { LANES } from './vector-writer';

/** Rows of K that pass before the next panel of B; fewer where A is read across its rows. Measured. */
const DEPTH = 384;
const DEPTH_ACROSS = 192;
/** Products of fewer rows do not pay for another arrangement of their operands. */
const ENOUGH_ROWS = 64;
/** Of the first cache: sets of lines, lines of a set, bytes of a line. */
const CACHE = { sets: 64, ways: 12, line: 64 };
const BYTES = 4;
const FEW_ROWS = 32;
const WHOLE_STEPS = 4;
/** Numbers of B that do not stay in the first cache. */
const FAR = 2 ** 14;
const QUICK_TILE = 8;
/** Columns that are a part of their own. */
const PART = 3072;
/** Work of a block of a product: threads end together, and the calls do not count. */
const MOST_WORK_OF_BLOCK = 400_000;
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
  /** Done to the result, in order; what they read is over its shape, see `endingBy`. */
  readonly endings: readonly { readonly op: Ending['op']; readonly by: View }[];
  /** Makes memory for so many numbers. */
  scratch(elements: number): ValueId;
}

export interface ProductKernels {
  /** Which bring B into panels. */
  readonly pack: readonly Kernel[];
  /** Which bring A into panels. */
  readonly copy: readonly Kernel[];
  readonly products: readonly Kernel[];
}

/** How a product can read this as it writes its result; undefined where it cannot. */
export function endingBy({ strides }: View, to: View, shape: readonly number[]): Ending['by'] | undefined {
  if (shape.length !== 2 || (strides[1] !== 1 && shape[1] !== 1)) return undefined;
  return strides[0] === 0 ? 'columns' : strides[0] === to.strides[0] ? 'matrix' : undefined;
}

/** Columns of a part, where a product of few rows is divided by columns among threads; all where it cannot be. */
function columnsOfPart(m: number, n: number): number {
  if (m > FEW_ROWS || n < 2 * PART) return n;
  for (let width = PART; width >= PART / 4; width -= LANES) if (n % width === 0) return width;
  return n;
}

/**
 * What a call makes of a large product: a panel of columns, and as many rows as fit. The panel, and the rows that pass over it, stay in the
 * second cache, and neighbours share the panel.
 * @returns undefined where it does not divide so
 */
function blockOf(m: number, n: number, k: number): { rows: number; columns: number } | undefined {
  const [columns, tile] = [panelWidth(n), tileRows(n)];
  if (n % columns !== 0 || m % tile !== 0) return undefined;
  let rows = m;
  for (let parts = 1; parts <= m / tile; parts++) {
    if (m % parts !== 0 || (m / parts) % tile !== 0) continue;
    rows = m / parts;
    if (rows * columns * k * WORK <= MOST_WORK_OF_BLOCK) break;
  }
  return { rows, columns };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Whether as many rows of so many lines, so far apart, drive each other out of the first cache. */
function collides(stride: number, rows: number, lines: number): boolean {
  const apart = Math.max(1, Math.round((stride * BYTES) / CACHE.line));
  const places = CACHE.sets / greatestCommonDivisor(apart, CACHE.sets);
  return Math.min(CACHE.sets, places * lines) * CACHE.ways < rows * lines;
}

/** A matrix [K, rows] that is read across its rows, brought into panels of a tile's rows, one after the other. */
function panelsOfRows(a: Load, k: number, rows: number, tile: number, scratch: ProductParts['scratch']): PackedRows {
  const [row, column] = a.strides as [number, number];
  const root = scratch(Math.ceil(rows / tile) * tile * k);
  const full = Math.floor(rows / tile);
  const to = (first: number): View => ({ root, offset: first * k, strides: [tile * k, tile, 1] });
  const from = (first: number): Load => ({ ...a, offset: a.offset + first * column, strides: [tile * column, row, column] });
  const quick = tile === QUICK_TILE ? eightRowsKernel(a, k, rows, root) : undefined;
  if (quick) return { kernels: [quick], view: { root, offset: 0, strides: [tile, 1] }, tile: tile * k };
  const whole = full > 0 ? [mapKernel('Panels', [full, k, tile], [{ expression: from(0), to: to(0) }])] : [];
  const rest = rows > full * tile ? [mapKernel('Panels', [1, k, rows - full * tile], [{ expression: from(full * tile), to: to(full * tile) }])] : [];
  return { kernels: [...whole, ...rest], view: { root, offset: 0, strides: [tile, 1] }, tile: tile * k };
}

interface Packed {
  readonly kernels: readonly Kernel[];
  readonly view: View;
}

interface PackedRows extends Packed {
  /** From a tile's rows to the next. */
  readonly tile: number;
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
  const quick = rank === 0 && b.kind === 'load' ? turnedPanelsKernel(b, k, n, width, root) : undefined;
  if (quick) return { kernels: [quick], view: { root, offset: 0, strides: [0, 0] } };
  const kernels: Kernel[] = [];
  if (full > 0) {
    const panels = changed(b, ({ strides, ...load }) => ({ ...load, strides: [...strides.slice(0, rank), width * strides[rank + 1]!, strides[rank]!, strides[rank + 1]!] }))!;
    kernels.push(mapKernel('Panels', [...batch, full, k, width], [{ expression: panels, to: { root, offset: 0, strides: [...outer, k * width, width, 1] }, streams: rank === 0 && streamsPast(k * n) }]));
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

/** Lines of B's next block that each tile asks for with every four of K, such that all of so many rows have asked for all. */
function fetchedLines(rows: number, n: number): number {
  return Math.ceil((WHOLE_STEPS * (panelWidth(n) / LANES)) / Math.max(1, Math.floor(rows / tileRows(n))));
}

/** What a product touches of A, B and the result. */
function reachOf({ m, n, k, a, b, c, batch, endings = [] }: ProductShape): Reach {
  const ofEndings = (stride: number): number[] => endings.map(({ by }) => (by === 'columns' ? 0 : stride));
  const rows: Axis = { size: m, strides: [a.row, 0, c, ...ofEndings(c)] };
  const ofB: Axis[] = b === 'panels' ? [{ size: panelElements(n, k), strides: [0, 1, 0, ...ofEndings(0)] }] : [{ size: k, strides: [0, b.row, 0, ...ofEndings(0)] }, { size: n, strides: [0, 1, 0, ...ofEndings(0)] }];
  const rest: Axis[] = [{ size: k, strides: [a.column, 0, 0, ...ofEndings(0)] }, { size: n, strides: [0, 0, 1, ...endings.map(() => 1)] }, ...ofB];
  return batch.length > 0 ? { outer: batch.map((axis) => ({ size: axis.size, strides: [axis.a, axis.b, axis.c] })), rest: [rows, ...rest] } : { outer: [rows], rest };
}

/** Where a product finds A and B: where they lie, or in panels that are made for it. */
interface Operands {
  readonly pack: readonly Kernel[];
  readonly copy: readonly Kernel[];
  readonly left: View;
  readonly right: View;
  /** B is read where it lies. */
  readonly isDirect: boolean;
  /** From a tile's rows of A to the next, if they were brought together. */
  readonly tile?: number | undefined;
  readonly depth: number;
}

function operandsOf({ transA, transB }: Operations['MatMul'], { a, b, bShape, shape, scratch }: ProductParts): Operands {
  const [rows, n] = shape.slice(-2) as [number, number];
  const k = turnedShape(bShape, transB).at(-2)!;
  const right = turnedExpression(b, transB);
  const depth = matrix(a.strides, transA).column === 1 ? DEPTH : DEPTH_ACROSS;
  const isLine = right.kind === 'load' && (right.strides.at(-1) === 1 || n === 1);
  const isDirect = isLine && (rows < ENOUGH_ROWS || !collides(right.strides.at(-2)!, Math.min(k, depth), panelWidth(n) / LANES));
  const { kernels: pack, view } = isDirect ? { kernels: [], view: right } : packed(right, turnedShape(bShape, transB), scratch);
  const turns = shape.length === 2 && transA && a.strides[1] === 1 && n >= ENOUGH_ROWS && k >= ENOUGH_ROWS;
  const { kernels: copy, view: left, tile }: Partial<PackedRows> & Packed = turns ? panelsOfRows(a, k, rows, tileRows(n), scratch) : { kernels: [], view: a };
  return { pack, copy, left, right: view, isDirect, tile, depth };
}

/** Axes over which a product is repeated, and the rows of each: a batch that shares B is more rows of the same product, where it lies so. */
function repeated(left: Load, row: number, right: View, { bShape, to, shape }: ProductParts): { m: number; axes: BatchAxis[] } {
  const batch = shape.slice(0, -2);
  const bBatch = bShape.slice(0, -2);
  const axes = batch.map((size, axis): BatchAxis => {
    const own = axis - (batch.length - bBatch.length);
    return { size, a: left.strides[axis]!, b: own < 0 || bBatch[own] !== size ? 0 : right.strides[own]!, c: to.strides[axis]! };
  }).filter(({ size }) => size > 1);
  let m = shape.at(-2)!;
  for (let inner = axes.at(-1); inner?.b === 0 && inner.a === m * row && inner.c === m * to.strides.at(-2)!; inner = axes.at(-1)) {
    m *= inner.size;
    axes.pop();
  }
  return { m, axes };
}

export function productKernels(attrs: Operations['MatMul'], parts: ProductParts): ProductKernels {
  const { a, aShape, bShape, to, shape, endings } = parts;
  const { pack, copy, left: leftView, right, isDirect, tile, depth } = operandsOf(attrs, parts);
  const n = shape.at(-1)!;
  const k = turnedShape(bShape, attrs.transB).at(-2)!;
  const left = broadcast({ ...a, ...leftView }, aShape, [...shape.slice(0, -2), ...aShape.slice(-2)]) as Load;
  const aMatrix = matrix(left.strides, attrs.transA);
  const cRow = to.strides.at(-2)!;
  const { m: rows, axes } = repeated(left, aMatrix.row, right, parts);
  const block = tile === undefined || endings.length > 0 ? undefined : blockOf(rows, n, k);
  const columns = block?.columns ?? (isDirect && axes.length === 0 && endings.length === 0 ? columnsOfPart(rows, n) : n);
  const columnParts: BatchAxis = { size: n / columns, a: 0, b: columns * (isDirect ? 1 : k), c: columns };
  if (block) {
    const rowParts: BatchAxis = { size: rows / block.rows, a: (block.rows / tileRows(n)) * tile!, b: 0, c: block.rows * cRow };
    // The larger operand passes once.
    axes.push(...(rows < n ? [columnParts, rowParts] : [rowParts, columnParts]).filter(({ size }) => size > 1));
  } else if (columns < n) axes.push(columnParts);
  const m = block?.rows ?? rows;
  const product: ProductShape = {
    m, n: columns, k, alpha: attrs.alpha, a: { ...aMatrix, ...(tile !== undefined && { tile }) }, b: isDirect ? { row: right.strides.at(-2)! } : 'panels', c: cRow, batch: axes,
    ...(k % WHOLE_STEPS === 0 && k * n >= FAR && (!isDirect || block) && { fetches: fetchedLines(block ? m : ENOUGH_ROWS, n) }),
    depth, ...(endings.length > 0 && { endings: endings.map(({ op, by }) => ({ op, by: endingBy(by, to, shape)! })) }),
  };
  const reach = tile === undefined ? { reach: reachOf(product) } : {};
  const kernel = kernelOf({ name: 'MatMul', code: productCode(product), views: [leftView, right, to, ...endings.map(({ by }) => by)], writes: [to], units: productUnits(product), multiple: axes.length > 0 ? 1 : tileRows(columns), work: elementCount(shape) * k * WORK, ...reach });
  return { pack, copy, products: [kernel] };
}
