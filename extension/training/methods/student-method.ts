/** What methods around one student share beside their loss: parameters, their beginning, and what a batch holds. */
import type { VitShape } from '../../core/config/schema';
import type { HostTensor, NamedSpecs, NamedTensors } from '../../core/tensors';
import type { MaskingStrategy } from '../masking/strategy';
import { dropPathDraws, dropPathSpecs } from '../nn/drop-path';
import { initialTensors } from '../nn/initialise';
import { sinCosPositions } from '../nn/positions';
import type { Tensors } from '../nn/tensors';
import { vitSpecs } from '../nn/vit';
import type { RandomStream } from '../random';
import type { LossAndReadings, Method } from './method';

interface StudentMethodParts {
  readonly student: VitShape;
  /** Trained tensors beside the student, under `method.…`. */
  readonly heads: NamedSpecs;
  /** Frozen tensors beside the student's positions. */
  readonly constants?: NamedTensors;
  readonly masking?: MaskingStrategy;
}

export abstract class StudentMethod implements Method {
  abstract readonly name: string;
  readonly parameters: NamedSpecs;
  readonly constants: NamedTensors;
  readonly held: readonly string[] = [];

  constructor(private readonly parts: StudentMethodParts) {
    const { student, heads, constants } = parts;
    this.parameters = { ...vitSpecs(student), ...heads };
    this.constants = { pos_embed: sinCosPositions(student.width, student.imageSize / student.patchSize), ...constants };
  }

  abstract loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings;

  initialise(random: RandomStream): NamedTensors {
    return initialTensors(random, this.parameters);
  }

  /** Biases and norms are not decayed; CLS and mask tokens are, as in MAE. */
  decays(_name: string, shape: readonly number[]): boolean {
    return shape.length > 1;
  }

  reads(_name: string): boolean {
    return true;
  }

  batchSpecs(microBatch: number): NamedSpecs {
    const { student, masking } = this.parts;
    return {
      images: { shape: [microBatch, 3, student.imageSize, student.imageSize], dtype: 'float32' },
      ...masking?.specs(microBatch, true),
      ...dropPathSpecs(student, microBatch),
    };
  }

  draw(random: RandomStream, microBatch: number): Record<string, HostTensor> {
    const { student, masking } = this.parts;
    return { ...masking?.draw(random, microBatch), ...dropPathDraws(random, student, microBatch) };
  }
}
