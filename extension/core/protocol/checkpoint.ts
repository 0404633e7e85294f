/** The messages between the checkpoint editor and its host. */
import type { Matrix } from './dashboard';

export interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** NaN and infinities travel as null. */
export interface TensorDetail {
  readonly name: string;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly std: number | null;
  readonly nan: number;
  readonly infinite: number;
  /** Of the finite values: `counts[i]` lie in [edges[i], edges[i+1]), the last bin closed. */
  readonly histogram: { readonly edges: readonly number[]; readonly counts: readonly number[] };
}

export interface TensorChange {
  readonly name: string;
  /** ‖b − a‖₂ / ‖a‖₂; 0 where nothing changed; null where there is no such number, for which `note` gives the reason. */
  readonly relative: number | null;
  readonly note?: 'only here' | 'only there' | 'other shape' | 'zero before' | 'not finite' | 'type not read';
}

export interface CheckpointState {
  readonly expanded: readonly string[];
  readonly selected?: string;
  readonly filter: string;
  readonly compareWith?: string;
}

export type ToCheckpoint =
  | { readonly type: 'header'; readonly file: string; readonly tensors: readonly TensorRow[]; readonly elements: number; readonly bytes: number; readonly metadata: Readonly<Record<string, string>>; readonly model?: readonly { readonly label: string; readonly value: string }[]; readonly notAModel?: string; readonly alignment?: Matrix }
  | { readonly type: 'detail'; readonly detail: TensorDetail }
  /** Complete once `done`; sent while the comparison runs. */
  | { readonly type: 'changes'; readonly other: string; readonly changes: readonly TensorChange[]; readonly done: boolean }
  /** Of the comparison, of one tensor or, with neither, of the whole file. */
  | { readonly type: 'problem'; readonly text: string; readonly about?: 'comparison' | { readonly tensor: string } }
  /** Every tensor asked for by `scan` was answered, or the scan was stopped. */
  | { readonly type: 'scanned' };

export type FromCheckpoint =
  /** With what the page kept, of which the host needs only what was compared with. */
  | { readonly type: 'ready'; readonly compareWith?: string }
  /** Takes the place of one that is still being answered. */
  | { readonly type: 'detail'; readonly name: string }
  /** A `detail` for each, in this order; a new scan ends the one before. */
  | { readonly type: 'scan'; readonly names: readonly string[] }
  | { readonly type: 'stop-scanning' }
  /** Without a file the host asks for one. */
  | { readonly type: 'compare'; readonly file?: string }
  | { readonly type: 'stop-comparing' };
