/**
 * Draws one image of the `shapes` set. Lengths are shares of the image's side, y points down; edges are anti-aliased by
 * signed distance.
 */
import { RandomStream } from '../random';
import type { Pixels } from './source';

type Point = readonly [number, number];
type Colour = readonly [number, number, number];

export const TEXTURE_NAMES = ['striped', 'checked'] as const;
export const SHAPE_NAMES = ['disc', 'triangle', 'square', 'cross', 'star'] as const;

/** Corners on or within the unit circle; none: the circle itself. */
const OUTLINES: readonly (readonly Point[])[] = [[], ring(3, [1]), ring(4, [1]), cross(0.32), ring(10, [1, 0.45])];

export interface ShapeOrder {
  readonly seed: number;
  readonly split: string;
  readonly index: number;
  /** Index into SHAPE_NAMES. */
  readonly shape: number;
  /** Index into TEXTURE_NAMES. */
  readonly texture: number;
  /** Side in pixels. */
  readonly size: number;
}

export function drawShape(order: ShapeOrder): Pixels {
  const random = new RandomStream(order.seed, `shapes-${order.split}`, order.index);
  const { size } = order;
  const background = drawBackground(random);
  const object = chooseObject(random, order, background.middle);
  const behind = [...strokes(random, 1 + random.integer(3)), ...blobs(random, 1 + random.integer(3))];
  const inFront = strokes(random, random.integer(2));
  const rgb = new Uint8Array(size * size * 3);
  const pixel = 1 / size;
  const colour = new Float64Array(3);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = (column + 0.5) * pixel;
      const y = (row + 0.5) * pixel;
      background.paint(x, y, colour);
      for (const mark of behind) mark.paint(x, y, pixel, colour);
      object.paint(x, y, pixel, colour);
      for (const mark of inFront) mark.paint(x, y, pixel, colour);
      writeNoisy(rgb, (row * size + column) * 3, colour, random.uint32());
    }
  }
  return { width: size, height: size, rgb };
}

interface Mark {
  /** Blends itself over `colour` at a point; `pixel` is the width over which edges fade. */
  paint(x: number, y: number, pixel: number, colour: Float64Array): void;
}

function drawBackground(random: RandomStream): { middle: Colour; paint(x: number, y: number, colour: Float64Array): void } {
  const from = anyColour(random);
  const to: Colour = [from[0] + spread(random, 0.2), from[1] + spread(random, 0.2), from[2] + spread(random, 0.2)];
  const angle = random.uniform() * 2 * Math.PI;
  const dx = Math.cos(angle);
  const dy = Math.sin(angle);
  return {
    middle: [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2],
    paint(x, y, colour) {
      const t = 0.5 + ((x - 0.5) * dx + (y - 0.5) * dy) / Math.SQRT2;
      for (let c = 0; c < 3; c++) colour[c] = from[c]! + (to[c]! - from[c]!) * t;
    },
  };
}

/** The labelled object: an outline filled with a two-coloured texture, turned independently of each other. */
function chooseObject(random: RandomStream, { shape, texture }: ShapeOrder, behind: Colour): Mark {
  const radius = 0.28 + 0.14 * random.uniform();
  const margin = 0.5 - 0.85 * radius;
  const cx = 0.5 + spread(random, margin);
  const cy = 0.5 + spread(random, margin);
  const turn = random.uniform() * 2 * Math.PI;
  const outline = OUTLINES[shape]!.map(([px, py]): Point => [radius * (px * Math.cos(turn) - py * Math.sin(turn)), radius * (px * Math.sin(turn) + py * Math.cos(turn))]);
  const [first, second] = contrastingPair(random, behind);
  const cell = radius * (0.3 + 0.08 * random.uniform());
  const grain = random.uniform() * 2 * Math.PI;
  const ux = Math.cos(grain);
  const uy = Math.sin(grain);
  const phaseU = random.uniform() * 2;
  const phaseV = random.uniform() * 2;
  return {
    paint(px, py, pixel, colour) {
      const x = px - cx;
      const y = py - cy;
      const fromCentre = Math.sqrt(x * x + y * y);
      if (fromCentre > radius + pixel) return;
      const inside = coverage(outline.length === 0 ? fromCentre - radius : distanceToPolygon(outline, x, y), pixel);
      if (inside === 0) return;
      const u = band((x * ux + y * uy) / cell + phaseU, pixel / cell);
      const v = texture === 0 ? 1 : band((y * ux - x * uy) / cell + phaseV, pixel / cell);
      const t = u * v + (1 - u) * (1 - v);
      for (let c = 0; c < 3; c++) colour[c]! += inside * (second[c]! + (first[c]! - second[c]!) * t - colour[c]!);
    },
  };
}

function strokes(random: RandomStream, count: number): Mark[] {
  return Array.from({ length: count }, () => {
    const [ax, ay, bx, by] = [random.uniform(), random.uniform(), random.uniform(), random.uniform()];
    const half = 0.012 + 0.018 * random.uniform();
    const ink = anyColour(random);
    const lengthSquared = Math.max(1e-6, (bx - ax) ** 2 + (by - ay) ** 2);
    return mark(ink, (x, y) => {
      const t = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / lengthSquared));
      const dx = x - ax - t * (bx - ax);
      const dy = y - ay - t * (by - ay);
      return Math.sqrt(dx * dx + dy * dy) - half;
    });
  });
}

function blobs(random: RandomStream, count: number): Mark[] {
  return Array.from({ length: count }, () => {
    const [cx, cy] = [random.uniform(), random.uniform()];
    const radius = 0.04 + 0.08 * random.uniform();
    return mark(anyColour(random), (x, y) => Math.sqrt((x - cx) ** 2 + (y - cy) ** 2) - radius);
  });
}

function mark(ink: Colour, distance: (x: number, y: number) => number): Mark {
  return {
    paint(x, y, pixel, colour) {
      const inside = coverage(distance(x, y), pixel);
      if (inside === 0) return;
      for (let c = 0; c < 3; c++) colour[c]! += inside * (ink[c]! - colour[c]!);
    },
  };
}

/** Two colours apart from each other, and their mean apart from what lies behind; the best of a few draws. */
function contrastingPair(random: RandomStream, behind: Colour): [Colour, Colour] {
  let best: [Colour, Colour] | undefined;
  let bestContrast = -1;
  for (let attempt = 0; attempt < 6; attempt++) {
    const pair: [Colour, Colour] = [anyColour(random), anyColour(random)];
    const contrast = Math.min(difference(pair[0], pair[1]), difference(pair[0], behind), difference(pair[1], behind));
    if (contrast > bestContrast) [best, bestContrast] = [pair, contrast];
  }
  return best!;
}

function anyColour(random: RandomStream): Colour {
  return [random.uniform(), random.uniform(), random.uniform()];
}

function difference(a: Colour, b: Colour): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function spread(random: RandomStream, reach: number): number {
  return (2 * random.uniform() - 1) * reach;
}

/** Share of a pixel that lies inside an edge at signed distance `distance` (negative: inside). */
function coverage(distance: number, pixel: number): number {
  return Math.min(1, Math.max(0, 0.5 - distance / pixel));
}

/** A square wave of period 2 between 0 and 1, its edges faded over `width`. */
function band(position: number, width: number): number {
  const within = position - 2 * Math.floor(position / 2);
  const toEdge = within < 0.5 ? within : within < 1.5 ? 1 - within : within - 2;
  return Math.min(1, Math.max(0, 0.5 + toEdge / width));
}

/** Signed distance to a closed polygon (negative inside): nearest edge, sign by the crossings of a ray. */
function distanceToPolygon(corners: readonly Point[], x: number, y: number): number {
  let nearest = Infinity;
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [ax, ay] = corners[i]!;
    const [bx, by] = corners[j]!;
    const ex = bx - ax;
    const ey = by - ay;
    const t = Math.min(1, Math.max(0, ((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey)));
    const dx = x - ax - t * ex;
    const dy = y - ay - t * ey;
    nearest = Math.min(nearest, dx * dx + dy * dy);
    if (ay > y !== by > y && x < ax + ((y - ay) / ey) * ex) inside = !inside;
  }
  return (inside ? -1 : 1) * Math.sqrt(nearest);
}

/** Bytes of a colour with ±3 % of noise, a third of the random word a channel. */
function writeNoisy(rgb: Uint8Array, at: number, colour: Float64Array, word: number): void {
  for (let c = 0; c < 3; c++) {
    const noise = (((word >>> (10 * c)) & 1023) / 1023 - 0.5) * 16;
    rgb[at + c] = Math.min(255, Math.max(0, Math.round(255 * colour[c]! + noise)));
  }
}

function ring(count: number, radii: readonly number[]): Point[] {
  return Array.from({ length: count }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / count;
    const radius = radii[i % radii.length]!;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

/** A plus sign whose arms are 2·`half` wide. */
function cross(half: number): Point[] {
  const tip = Math.sqrt(1 - half * half);
  const arm: Point[] = [[tip, -half], [tip, half], [half, half]];
  return [0, 1, 2, 3].flatMap((quarter) => arm.map(([x, y]): Point => (quarter === 0 ? [x, y] : quarter === 1 ? [-y, x] : quarter === 2 ? [-x, -y] : [y, -x])));
}
