/** Adaptors A_i: small heads from student width D to teacher width D_T. */
import type * as tf from '@tensorflow/tfjs-core';
import type { AlignmentConfig } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import { gelu } from '../nn/activations';
import { layerNormOf, layerNormSpecs } from '../nn/layer-norm';
import { linearOf, linearSpecs } from '../nn/linear';
import type { Tensors } from '../nn/tensors';

type AdaptorName = AlignmentConfig['adaptor'];

const NORM_EPS = 1e-6;

/** Parameters of one adaptor under `<name>.…`. */
export function adaptorSpecs(kind: AdaptorName, name: string, width: number, teacherWidth: number): NamedSpecs {
  switch (kind) {
    case 'linear':
      return linearSpecs(name, teacherWidth, width);
    case 'norm_linear':
      return { ...layerNormSpecs(`${name}.norm`, width), ...linearSpecs(`${name}.fc`, teacherWidth, width) };
    case 'mlp':
      return { ...linearSpecs(`${name}.fc1`, width, width), ...linearSpecs(`${name}.fc2`, teacherWidth, width) };
    case 'mlp2':
      return { ...linearSpecs(`${name}.fc1`, width, width), ...layerNormSpecs(`${name}.norm`, width), ...linearSpecs(`${name}.fc2`, teacherWidth, width) };
    default:
      return kind satisfies never;
  }
}

/** @param x [rows, D]; @returns [rows, D_T] */
export function adapt(parameters: Tensors, kind: AdaptorName, name: string, x: tf.Tensor): tf.Tensor {
  switch (kind) {
    case 'linear':
      return linearOf(parameters, name, x);
    case 'norm_linear':
      return linearOf(parameters, `${name}.fc`, layerNormOf(parameters, `${name}.norm`, x, NORM_EPS));
    case 'mlp':
      return linearOf(parameters, `${name}.fc2`, gelu(linearOf(parameters, `${name}.fc1`, x)));
    case 'mlp2':
      return linearOf(parameters, `${name}.fc2`, layerNormOf(parameters, `${name}.norm`, linearOf(parameters, `${name}.fc1`, x), NORM_EPS));
    default:
      return kind satisfies never;
  }
}
