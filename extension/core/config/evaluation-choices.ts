/** What an evaluation may be asked for, as names: for the schema, the command line and the queue alike. */

export const PROTOCOLS = ['knn', 'linear', 'attentive', 'robustness', 'finetune'] as const;

/** What a probe reads of an encoder. */
export const FEATURE_KINDS = ['cls', 'mean', 'both'] as const;

export const PROBE_PRESET_NAMES = ['small', 'mae'] as const;

/** How often a share of the labels is drawn. */
export const DEFAULT_DRAWS = 5;

/** Learned queries of an attentive probe. */
export const DEFAULT_QUERIES = 32;

export type EvaluationProtocol = (typeof PROTOCOLS)[number];
export type FeatureKind = (typeof FEATURE_KINDS)[number];
export type ProbePresetName = (typeof PROBE_PRESET_NAMES)[number];
