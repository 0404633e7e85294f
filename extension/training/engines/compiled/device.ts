/** What a graph is made for: ONNX Runtime on the CPU or on WebGPU, or kernels of our own on WebGPU. */
export type Device = 'cpu' | 'webgpu' | 'wgsl' | 'native';
