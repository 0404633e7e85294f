/** The engines on a GPU that every test here is made for. */
export const gpuEngines = ['compiled-webgpu', 'wgsl'] as const;
