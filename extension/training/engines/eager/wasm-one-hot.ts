/**
 * One-hot rows of any values for the wasm backend. Its own kernel takes the two values as whole numbers and writes their bits,
 * so that smoothed labels are 0 there, and a 1 is read as the smallest float.
 */
import * as tf from '@tensorflow/tfjs-core';

export function registerWasmOneHot(): void {
  tf.unregisterKernel(tf.OneHot, 'wasm');
  tf.registerKernel({
    kernelName: tf.OneHot,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const indices = inputs.indices!;
      const { depth, onValue, offValue, dtype } = attrs as unknown as tf.OneHotAttrs;
      const wasm = backend as tf.KernelBackend;
      const rows = wasm.readSync(indices.dataId) as Int32Array;
      const data = dtype === 'int32' ? new Int32Array(rows.length * depth) : new Float32Array(rows.length * depth);
      data.fill(offValue);
      rows.forEach((index, row) => {
        if (index >= 0 && index < depth) data[row * depth + index] = onValue;
      });
      const shape = [...indices.shape, depth];
      return { dataId: wasm.write(data, shape, dtype), shape, dtype };
    },
  });
}
