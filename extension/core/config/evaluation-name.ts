/** What an evaluation measures, as a name: the same for two that give the same figure, another where any knob differs. */
import { DEFAULT_DRAWS, DEFAULT_QUERIES, type EvaluationProtocol } from './evaluation-choices';
import { evaluationSchema, type EvaluationConfig } from './schema';

/** The keys of an evaluation that shape its figure, by protocol; others have no effect there. */
export const PROTOCOL_KEYS = {
  knn: ['features', 'layers', 'k', 'temperature'],
  attentive: ['layers', 'preset', 'epochs', 'queries'],
  linear: ['features', 'layers', 'preset', 'epochs', 'label_fraction', 'draws'],
  robustness: ['features', 'layers', 'epochs'],
  finetune: ['preset', 'epochs', 'blr', 'layer_decay', 'drop_path'],
} as const satisfies Record<EvaluationProtocol, readonly (keyof EvaluationConfig)[]>;

/** Every key that shapes the figure of some protocol. */
export const FIGURE_KEYS = [...new Set(Object.values(PROTOCOL_KEYS).flat())];

const defaults = evaluationSchema.parse({ protocol: 'knn' });

/**
 * `linear` is a probe by the defaults; others say what differs: `linear-mae-mean`, `knn-k5-t0.1-l3`.
 *
 * @param layer the block whose features are evaluated, of those that `layers` asks for
 */
export function evaluationName(config: EvaluationConfig, layer?: number): string {
  const { protocol, features } = config;
  return [protocol, ...knobs(config), features === 'cls' || !uses(protocol, 'features') ? '' : features, layer === undefined ? '' : `l${layer}`].filter((part) => part !== '').join('-');
}

function uses(protocol: EvaluationProtocol, key: keyof EvaluationConfig): boolean {
  const own: readonly string[] = PROTOCOL_KEYS[protocol];
  return own.includes(key);
}

function knobs(config: EvaluationConfig): string[] {
  const { protocol, preset, epochs, label_fraction: fraction, draws, queries, k, temperature } = config;
  switch (protocol) {
    case 'linear':
      return [preset === 'mae' ? 'mae' : '', epochs === undefined ? '' : `e${epochs}`, ...(fraction === undefined ? [] : [`${percentOf(fraction)}pct`, draws === undefined || draws === DEFAULT_DRAWS ? '' : `n${draws}`])];
    case 'attentive':
      return [preset === 'mae' ? 'mae' : '', epochs === undefined ? '' : `e${epochs}`, queries === undefined || queries === DEFAULT_QUERIES ? '' : `q${queries}`];
    case 'robustness':
      return [epochs === undefined ? '' : `e${epochs}`];
    case 'finetune':
      return [preset === 'mae' ? 'mae' : '', ...fineTuningKnobs(config)];
    case 'knn':
      return [k === defaults.k ? '' : `k${k}`, temperature === defaults.temperature ? '' : `t${temperature}`];
  }
}

function fineTuningKnobs({ epochs, blr, layer_decay: layerDecay, drop_path: dropPath }: EvaluationConfig): string[] {
  return Object.entries({ e: epochs, b: blr, d: layerDecay, dp: dropPath }).map(([letter, value]) => (value === undefined ? '' : `${letter}${value}`));
}

/** 0.01 → 1. */
function percentOf(fraction: number): number {
  return Number((100 * fraction).toPrecision(6));
}

/**
 * The blocks that an evaluation reads, counted from 1; undefined is the last, where none is named or the protocol reads no other.
 * Blocks that an encoder does not have are left out.
 */
export function evaluatedLayers({ protocol, layers }: Pick<EvaluationConfig, 'protocol' | 'layers'>, depth: number): (number | undefined)[] {
  if (layers === undefined || !uses(protocol, 'layers')) return [undefined];
  if (layers === 'all') return Array.from({ length: depth }, (_, index) => index + 1);
  return [...new Set(layers)].filter((layer) => layer <= depth).sort((a, b) => a - b);
}
