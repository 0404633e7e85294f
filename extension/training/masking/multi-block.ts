/**
 * I-JEPA's multi-block masking (Assran et al. 2023, Section 3 and the official collator): several target rectangles, which may
 * overlap, and one large context rectangle from which they are cut out.
 *
 * The official collator shortens every target and every context to the smallest of its batch. Here all batches have one shape:
 * targets have as many patches as the smallest rectangle that can be drawn, contexts as many as `masking.ratio` leaves visible;
 * a draw that leaves fewer is drawn again. The official code draws one size a batch, here every image has its own, and what is
 * left out of a context is drawn, not the last in reading order.
 */
import type { Rectangle } from '../../core/config/multi-block';
import { type MultiBlockConfig, rectangleOf, targetSizes } from '../../core/config/multi-block';
import type { HostTensor } from '../../core/tensors';
import { int32 } from '../../core/tensors';
import type { RandomStream } from '../random';
import { drawnMasking } from './drawn';
import type { MaskingStrategy } from './strategy';

/** Draws before the targets are laid on each other, which leaves most visible. */
const TRIES = 20;

export interface MultiBlockShape {
  /** Patches a side. */
  readonly grid: number;
  /** Patches of a context. */
  readonly keep: number;
  /** Patches of a target. */
  readonly size: number;
  readonly config: MultiBlockConfig;
}

export function multiBlockShape(grid: number, keep: number, config: MultiBlockConfig): MultiBlockShape {
  return { grid, keep, size: targetSizes(grid, config).smallest, config };
}

interface MultiBlocks {
  readonly context: readonly number[];
  /** One list a target, all of the same length. */
  readonly targets: readonly (readonly number[])[];
}

/** One image's blocks. @param keep at most the patches outside the largest target */
export function drawMultiBlocks(random: RandomStream, { grid, keep, size, config }: MultiBlockShape): MultiBlocks {
  for (let attempt = 0; ; attempt++) {
    const target = drawRectangle(random, grid, config.pred_mask_scale, config.aspect_ratio);
    const window = drawRectangle(random, grid, config.enc_mask_scale, [1, 1]);
    const places = Array.from({ length: config.num_pred_masks }, () => place(random, grid, target));
    const blocks = attempt < TRIES ? places : places.map(() => places[0]!);
    const hidden = new Set(blocks.flat());
    const visible = (attempt < TRIES ? place(random, grid, window) : everyPatch(grid)).filter((patch) => !hidden.has(patch));
    if (visible.length < keep) continue;
    const order = Array.from(random.permutation(visible.length));
    return { context: order.slice(0, keep).map((i) => visible[i]!).sort((a, b) => a - b), targets: blocks.map((block) => block.slice(0, size)) };
  }
}

/** The contexts alone, for methods without targets and for pictures: the same draws as {@link drawMultiBlockBatch}. */
export function multiBlockMasking(grid: number, keep: number, config: MultiBlockConfig): MaskingStrategy {
  const shape = multiBlockShape(grid, keep, config);
  return drawnMasking('multi_block', grid * grid, keep, (random) => withOthers(drawMultiBlocks(random, shape).context, grid));
}

/** Batch inputs `keep_ids` int32 [B, keep], `masked_ids` int32 [B, L − keep], `target_ids` int32 [B, targets·size]. */
export function drawMultiBlockBatch(random: RandomStream, batch: number, shape: MultiBlockShape): Record<string, HostTensor> {
  const images = Array.from({ length: batch }, () => drawMultiBlocks(random, shape));
  const rows = (lists: readonly (readonly number[])[]): HostTensor => int32([batch, lists[0]!.length], Int32Array.from(lists.flat()));
  return {
    keep_ids: rows(images.map(({ context }) => context)),
    masked_ids: rows(images.map(({ context }) => withOthers(context, shape.grid).slice(shape.keep))),
    target_ids: rows(images.map(({ targets }) => targets.flat())),
  };
}

function withOthers(context: readonly number[], grid: number): number[] {
  const seen = new Set(context);
  return [...context, ...everyPatch(grid).filter((patch) => !seen.has(patch))];
}

function everyPatch(grid: number): number[] {
  return Array.from({ length: grid * grid }, (_, patch) => patch);
}

function drawRectangle(random: RandomStream, grid: number, scale: readonly [number, number], aspect: readonly [number, number]): Rectangle {
  const between = ([from, to]: readonly [number, number]): number => from + random.uniform() * (to - from);
  return rectangleOf(grid, between(scale), between(aspect));
}

/** Its patches in reading order, somewhere on the grid. */
function place(random: RandomStream, grid: number, { height, width }: Rectangle): number[] {
  const top = random.integer(grid - height + 1);
  const left = random.integer(grid - width + 1);
  return Array.from({ length: height * width }, (_, i) => (top + Math.floor(i / width)) * grid + left + (i % width));
}
