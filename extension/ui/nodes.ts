/** What the sidebar hands to commands. Commands also accept being called with nothing, and then ask with a quick pick. */
import type { RunKey } from '../core/protocol/dashboard';

/** Said by a click on a row: who goes through a list stays in it. */
export const KEEP_FOCUS = 'keep-focus';

export interface SweepNode { readonly kind: 'sweep'; readonly sweep: string }
export interface RunNode { readonly kind: 'run'; readonly run: RunKey }
export interface CheckpointNode { readonly kind: 'checkpoint'; readonly run: RunKey; readonly step: number; readonly path: string }
export interface EngineNode { readonly kind: 'engine'; readonly engine: string }
export interface QueuedNode { readonly kind: 'queued'; readonly id: string }
/** What a long list does not show at once. */
export interface RestNode { readonly kind: 'rest' }
export type Node = SweepNode | RunNode | CheckpointNode | EngineNode | QueuedNode | RestNode;
