/** A graph as a session of ONNX Runtime. */
import { InferenceSession } from 'onnxruntime-node';
import { UserError } from '../../../core/problems';
import { explainedGpuError } from '../gpu-errors';
import type { Device } from './device';
import { openKept } from './graph-cache';
import type { Graph } from './ir';
import { loopModel } from './loop';
import { writeModel } from './onnx-writer';
import { releaseMemory } from './release-memory';
import { sessionOptions } from './session-options';
import { singleStepModel } from './single-step';
import type { SessionInterface } from './step-model';

export interface OpenSession {
  readonly session: InferenceSession;
  readonly io: SessionInterface;
}

/** ONNX Runtime's messages repeat every input and output of the program; what went wrong stands at the end. */
const shownOfMessage = 400;

/** Opening a graph of fewer operations takes no time that is felt; tests open thousands. */
const KEPT_OPERATIONS = 1000;

/** State stays where it is computed, readings come to the host. */
function outputLocations({ writes, readings }: SessionInterface): InferenceSession.SessionOptions {
  const state = writes.map((name) => [`new:${name}`, 'gpu-buffer'] as const);
  const read = Object.keys(readings).map((name) => [`reading:${name}`, 'cpu'] as const);
  return { preferredOutputLocation: Object.fromEntries([...state, ...read]) };
}

/** How many steps a run has: any number (loop.ts), or one (single-step.ts). */
export type StepsOfRun = 'many' | 'one';

/** @throws UserError MIM4002 where the graph's constants are larger than a model may be, MIM4011 or MIM4012 of a GPU that is lost or full. */
export async function openSession(graph: Graph, threads: number, device: Device = 'cpu', steps: StepsOfRun = device === 'cpu' ? 'many' : 'one'): Promise<OpenSession> {
  const { onnx, ...io } = steps === 'many' ? loopModel(graph) : singleStepModel(graph, device);
  const model = writeModel(onnx);
  const options = { ...sessionOptions(device, threads), ...(device === 'webgpu' && outputLocations(io)) };
  try {
    const isKept = device === 'cpu' && graph.nodes.length >= KEPT_OPERATIONS;
    return { session: await (isKept ? openKept(model, options) : InferenceSession.create(model, options)), io };
  } catch (error) {
    const explained = device === 'webgpu' ? explainedGpuError(error, `"${graph.name}" was made ready`) : error;
    if (explained instanceof UserError) throw explained;
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`ONNX Runtime does not open program "${graph.name}": ${message.slice(-shownOfMessage)}`, { cause: error });
  } finally {
    releaseMemory([model]);
  }
}
