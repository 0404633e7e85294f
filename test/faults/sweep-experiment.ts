/** A training of a second, for tests that need many. */

export const tinyExperiment = `
mim: 1
method: maskalign
data: { kind: shapes, size: 64, test_size: 40, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2 }
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3 }
schedule: { epochs: 4, warmup_epochs: 1 }
checkpoints: { every: 2 }
engine: { kind: compiled-cpu, threads: 1 }
`;

/** A learning rate with which the loss is not finite after a few steps. */
export const BURSTING = 1e30;
