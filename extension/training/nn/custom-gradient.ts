/** A typed door to `tf.customGrad`: functions whose backward pass is shorter written by hand than derived op by op. */
import * as tf from '@tensorflow/tfjs-core';

interface ForwardPass {
  readonly value: tf.Tensor;
  /** Tensors the backward pass reads. */
  readonly saved: tf.Tensor[];
  /** One gradient for each input, in their order, from the gradient of `value` and the saved tensors. */
  readonly backward: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[];
}

export function withGradient<Inputs extends tf.Tensor[]>(forward: (...inputs: Inputs) => ForwardPass): (...inputs: Inputs) => tf.Tensor {
  return tf.customGrad((...args) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { value, saved, backward } = forward(...(args.slice(0, -1) as Inputs));
    save(saved);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => backward(dy, kept) };
  });
}
