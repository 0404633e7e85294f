/** Every kernel the tracer knows computes, compiled, what TensorFlow.js computes. */
import { describe, expect, it } from 'vitest';
import { kernelRules } from '../../../extension/training/engines/compiled/kernels';
import { trace } from '../../../extension/training/engines/compiled/trace';
import { validate } from '../../../extension/training/engines/compiled/validate';
import { expectSame, runEagerly, runGraph } from './comparing';
import { kernelBatch, kernelCases, kernelProgram } from './kernel-cases';

describe('compiled kernels', () => {
  it.each(Object.keys(kernelCases))('%s', async (name) => {
    const program = kernelProgram(name);
    const graph = trace(program);
    validate(graph);
    const expected = await runEagerly(program, {}, [kernelBatch]);
    const actual = await runGraph(graph, program, {}, [kernelBatch]);
    expectSame(actual.readings[0]!, expected.readings[0]!, 2e-6);
  });

  it('are all tried', () => expect(Object.keys(kernelRules).sort()).toEqual(Object.keys(kernelCases).sort()));
});
