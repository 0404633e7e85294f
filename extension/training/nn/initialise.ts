/** Initial weights as the official code draws them; which rule holds follows from a tensor's name and rank. */
import type { VitShape } from '../../core/config/schema';
import type { HostTensor, NamedSpecs, NamedTensors } from '../../core/tensors';
import { elementCount, float32 } from '../../core/tensors';
import type { RandomStream } from '../random';
import { vitSpecs } from './vit';

function filled(shape: readonly number[], value: () => number): HostTensor {
  const data = new Float32Array(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = value();
  return float32(shape, data);
}

/** Xavier uniform on the [out, rest] view: U(−a, a), a = √(6/(out + rest)). The fused qkv is one matrix. */
function xavierUniform(random: RandomStream, shape: readonly number[]): HostTensor {
  const fanOut = shape[0]!;
  const bound = Math.sqrt(6 / (fanOut + elementCount(shape) / fanOut));
  return filled(shape, () => (2 * random.uniform() - 1) * bound);
}

/** CLS and mask tokens N(0, 0.02); convolutions and linear weights Xavier uniform; norms 1 and 0; biases 0. */
function initialTensor(random: RandomStream, name: string, shape: readonly number[]): HostTensor {
  if (/(^|\.)(cls|mask)_token$/.test(name)) return filled(shape, () => random.normal() * 0.02);
  if (shape.length > 1) return xavierUniform(random, shape);
  return filled(shape, () => (/norm\w*\.weight$/.test(name) ? 1 : 0));
}

export function initialTensors(random: RandomStream, specs: NamedSpecs): NamedTensors {
  return Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => [name, initialTensor(random, name, shape)]));
}

/** A student's trained tensors at the start; the fixed `pos_embed` is not among them. */
export function initialVit(random: RandomStream, shape: VitShape): NamedTensors {
  return initialTensors(random, vitSpecs(shape));
}
