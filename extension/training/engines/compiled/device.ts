/** Where a compiled program runs. */
export type Device = 'cpu' | 'webgpu';
