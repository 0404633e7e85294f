/** A GPU that fails, played by sessions that say what ONNX Runtime says. */
import type { InferenceSession } from 'onnxruntime-node';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { UserError } from '../../../extension/core/problems';
import { ranOutOfMemory } from '../../../extension/core/queue/out-of-memory';
import { WebGpuProgram } from '../../../extension/training/engines/compiled/webgpu-program';
import { WebGpuState } from '../../../extension/training/engines/compiled/webgpu-state';
import type { WebGpuTransfer } from '../../../extension/training/engines/compiled/webgpu-transfer';
import { explainedGpuError } from '../../../extension/training/engines/gpu-errors';
import { momentumBatch, momentumProgram, momentumState } from './small-programs';

const io = { reads: ['decay'], writes: ['weight', 'velocity'], batch: ['x', 'lr'], readings: {} };
const onDevice = (): Tensor => Tensor.fromGpuBuffer({} as never, { dataType: 'float32', dims: [2, 3], dispose: () => undefined });

interface Gpu {
  readonly program: WebGpuProgram;
  readonly state: WebGpuState;
  readonly released: () => boolean;
}

/** @param run of the program's session @param toDevice of copies */
function gpu(run: () => Promise<Record<string, Tensor>>, toDevice = (): Promise<Tensor> => Promise.resolve(onDevice())): Gpu {
  let released = false;
  const transfer = { states: new Set(), toDevice } as unknown as WebGpuTransfer;
  const session = { run, release: () => Promise.resolve(void (released = true)) } as unknown as InferenceSession;
  return { program: new WebGpuProgram(momentumProgram(), { session, io }, transfer), state: new WebGpuState(momentumState(), transfer), released: () => released };
}

describe('a GPU that fails in a step', () => {
  it.each([
    ['Device lost', 'MIM4011'],
    ['Device is lost.', 'MIM4011'],
    ['/onnxruntime_src/buffer_manager.cc:12 Create failed: Out of memory', 'MIM4012'],
    ['VK_ERROR_OUT_OF_DEVICE_MEMORY', 'MIM4012'],
    ['Not enough memory left', 'MIM4012'],
    ['Device lost: Not enough memory left', 'MIM4012'],
  ])('"%s" is told as %s', async (said, code) => {
    const { program, state } = gpu(() => Promise.reject(new Error(said)));
    const error: UserError = await program.run(state, [momentumBatch(1)]).then(() => expect.unreachable(), (reason: UserError) => reason);
    expect(error.code).toBe(code);
    expect(error.message).toContain('as it ran "momentum"');
    // By which the queue knows that it may begin anew in smaller passes.
    expect(ranOutOfMemory(error.message)).toBe(code === 'MIM4012');
  });

  it('is known to the queue also where only the log of a process that died has it', () => {
    expect(ranOutOfMemory('WebGPU device error(3): vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY')).toBe(true);
  });

  it('is not taken for what is wrong otherwise', () => {
    const error = new Error('Non-zero status code returned while running MatMul node');
    expect(explainedGpuError(error, 'it ran "step"')).toBe(error);
  });
});

describe('the session of a program', () => {
  const step = (): Promise<Record<string, Tensor>> => Promise.resolve({ 'new:weight': onDevice(), 'new:velocity': onDevice() });

  it('ends once what it made is copied', async () => {
    const { program, state, released } = gpu(step);
    await program.run(state, [momentumBatch(1)]);
    const made = state.tensor('weight');
    await program.dispose();
    expect(state.tensor('weight')).not.toBe(made);
    expect(released()).toBe(true);
  });

  it('stays where that cannot be copied, which hides no other failure', async () => {
    let lost = false;
    const { program, state, released } = gpu(step, () => (lost ? Promise.reject(new Error('Device lost')) : Promise.resolve(onDevice())));
    await program.run(state, [momentumBatch(1)]);
    lost = true;
    await program.dispose();
    expect(released()).toBe(false);
  });
});
