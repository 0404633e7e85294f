/** A graph as a session of ONNX Runtime. */
import { InferenceSession } from 'onnxruntime-node';
import type { Graph } from './ir';
import type { LoopModel } from './loop';
import { loopModel } from './loop';
import { writeModel } from './onnx-writer';

export type SessionInterface = Omit<LoopModel, 'onnx'>;

export interface OpenSession {
  readonly session: InferenceSession;
  readonly io: SessionInterface;
}

const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  // Waiting threads sleep instead of spinning: the cores are shared with the loader's threads, and with spinning a
  // step on a busy machine took twice as long and 1.6 times the processor time.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

/** ONNX Runtime's messages repeat every input and output of the program; what went wrong stands at the end. */
const shownOfMessage = 400;

/** @throws UserError MIM4002 where the graph's constants are larger than a model may be. */
export async function openSession(graph: Graph, threads: number): Promise<OpenSession> {
  const { onnx, ...io } = loopModel(graph);
  const model = writeModel(onnx);
  try {
    return { session: await InferenceSession.create(model, { ...sessionOptions, intraOpNumThreads: threads }), io };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`ONNX Runtime does not open program "${graph.name}": ${message.slice(-shownOfMessage)}`, { cause: error });
  }
}
