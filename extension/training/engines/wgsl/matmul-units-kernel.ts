/**
 * Matrix products on a GPU's matrix units: operands are rounded to half precision as they are copied into workgroup memory, sums stay
 * in float32. Four subgroups make a tile of 64×128, each 2×4 squares of 16; or of 64×64, each 2×2, where columns are no multiple of 128.
 *
 * On an H100 135 to 153 TFLOP/s at two shapes, where float32 reached 33.
 */
import { repeat } from './kernel';

const ROWS = 64;
/** Of a tile, the larger first. */
const COLUMNS = [128, 64];
const DEPTH = 32;
const THREADS = 128;
/** Rows in workgroup memory lie 16 bytes further apart than they are long, so that lanes do not meet in one bank. */
const GAP = 8;

/** A product of two matrices, and how its K is divided. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly alpha: number;
  /** K is divided in so many parts, of `each` columns. */
  readonly shares: number;
  readonly each: number;
}

/** @param n columns of the product, which fits */
export function unitsTile(n: number): { readonly rows: number; readonly columns: number; readonly depth: number } {
  return { rows: ROWS, columns: COLUMNS.find((columns) => n % columns === 0)!, depth: DEPTH };
}

/** Whole tiles only: what the units write is not bounded. */
export function fitsUnits(m: number, n: number, k: number): boolean {
  return m % ROWS === 0 && n % COLUMNS.at(-1)! === 0 && k % DEPTH === 0;
}

export function unitsCode({ m, n, k, transA, alpha, shares, each }: Product): string {
  const { columns } = unitsTile(n);
  /** Squares of 16 that a subgroup makes side by side. */
  const across = columns / 32;
  const strideA = (transA ? ROWS : DEPTH) + GAP;
  const strideB = columns + GAP;
  const readsA = (ROWS * DEPTH) / 4 / THREADS;
  const readsB = (columns * DEPTH) / 4 / THREADS;
  // Of A's tile: four numbers along its rows as they lie in memory, [m][k] or turned [k][m].
  const acrossA = (transA ? ROWS : DEPTH) / 4;
  const fetchA = (depth: string, i: number): string => transA
    ? `{ let q = lane + ${i * THREADS}u; a${i} = b0[((${depth} + q / ${acrossA}u) * ${m}u + row0) / 4u + q % ${acrossA}u]; }`
    : `{ let q = lane + ${i * THREADS}u; a${i} = b0[((row0 + q / ${acrossA}u) * ${k}u + ${depth}) / 4u + q % ${acrossA}u]; }`;
  const fetchB = (depth: string, i: number): string => `{ let q = lane + ${i * THREADS}u; r${i} = b1[((${depth} + q / ${columns / 4}u) * ${n}u + column0) / 4u + q % ${columns / 4}u]; }`;
  const fetch = (depth: string): string => `${repeat(readsA, (i) => fetchA(depth, i))}\n${repeat(readsB, (i) => fetchB(depth, i))}`;
  const put = (tile: string, at: string, from: string): string => `let at = ${at}; let h = vec4<f16>(${from}); ${[0, 1, 2, 3].map((j) => `${tile}[at + ${j}u] = h[${j}];`).join(' ')}`;
  const keep = `${repeat(readsA, (i) => `{ let q = lane + ${i * THREADS}u; ${put('tile_a', `(q / ${acrossA}u) * ${strideA}u + 4u * (q % ${acrossA}u)`, `a${i}`)} }`)}
${repeat(readsB, (i) => `{ let q = lane + ${i * THREADS}u; ${put('tile_b', `(q / ${columns / 4}u) * ${strideB}u + 4u * (q % ${columns / 4}u)`, `r${i}`)} }`)}`;
  const loadA = (i: number, d: number): string => transA
    ? `let x${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, col_major>(&tile_a, ${d}u * ${strideA}u + part_row + ${16 * i}u, ${strideA}u);`
    : `let x${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tile_a, (part_row + ${16 * i}u) * ${strideA}u + ${d}u, ${strideA}u);`;
  const multiply = repeat(DEPTH / 16, (step) => `{
${repeat(2, (i) => loadA(i, 16 * step))}
${repeat(across, (j) => `let y${j} = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tile_b, ${16 * step}u * ${strideB}u + part_column + ${16 * j}u, ${strideB}u);`)}
${repeat(2, (i) => repeat(across, (j) => `c${across * i + j} = subgroupMatrixMultiplyAccumulate(x${i}, y${j}, c${across * i + j});`))}
}`);
  const scaled = (i: number): string => (alpha === 1 ? `c${i}` : `subgroupMatrixScalarMultiply(c${i}, f32(${alpha}))`);
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
@group(0) @binding(0) var<storage, read> b0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out0: array<f32>;
var<workgroup> tile_a: array<f16, ${(transA ? DEPTH : ROWS) * strideA}>;
var<workgroup> tile_b: array<f16, ${DEPTH * strideB}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
let row0 = group.y * ${ROWS}u;
let column0 = group.x * ${columns}u;
let part_row = (lane / 64u) * 32u;
let part_column = ((lane / 32u) % 2u) * ${columns / 2}u;
let first = group.z * ${each}u;
let end = min(first + ${each}u, ${k}u);
${repeat(2 * across, (i) => `var c${i}: subgroup_matrix_result<f32, 16, 16>;`)}
${repeat(readsA, (i) => `var a${i}: vec4<f32>;`)}
${repeat(readsB, (i) => `var r${i}: vec4<f32>;`)}
${fetch('first')}
for (var depth = first + ${DEPTH}u; depth <= end; depth += ${DEPTH}u) {
${keep}
workgroupBarrier();
if (depth < end) {
${fetch('depth')}
}
${multiply}
workgroupBarrier();
}
let out_offset = ${shares === 1 ? '0u' : `group.z * ${m * n}u`} + (row0 + part_row) * ${n}u + column0 + part_column;
${repeat(2, (i) => repeat(across, (j) => `subgroupMatrixStore<row_major>(&out0, out_offset + ${16 * i * n + 16 * j}u, ${scaled(across * i + j)}, ${n}u);`))}
}`;
}
