/** The smallest training there is. */
export function tinyExperiment({ name, seed = 0, epochs = 1 }: { readonly name: string; readonly seed?: number; readonly epochs?: number }): string {
  return `
mim: 1
name: ${name}
method: maskalign
data: { kind: shapes, size: 16, image_size: 8, threads: 1 }
student: { patch_size: 4, width: 8, depth: 1, heads: 1 }
teacher: { ema: {} }
masking: { ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3 }
schedule: { epochs: ${epochs} }
checkpoints: { every: 1000 }
samples: { count: 0 }
engine: { kind: tfjs-cpu, threads: 1 }
seed: ${seed}
`;
}
