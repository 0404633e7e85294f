/**
 * The cluster's own MPI, called through its C interface (MPI-3.1), whichever of the two binary interfaces it has: that of Open MPI,
 * whose handles are addresses of symbols, or that of MPICH and its relatives (Intel MPI, MVAPICH, Cray MPICH), whose handles are integers.
 *
 * MPI's own error handler ends all ranks where a call fails (MPI_ERRORS_ARE_FATAL), so results are not looked at.
 */
import type { LibraryHandle } from 'koffi';
import { UserError } from '../../core/problems';
import type { RankLauncher } from './launcher';

/** Names a library of MPI where the system's loader does not find the right one. */
export const LIBRARY_VARIABLE = 'MIM_MPI_LIBRARY';

const OPEN_MPI = ['libmpi.so.40', 'libmpi.so', 'libmpi.40.dylib', 'libmpi.dylib'];
/** The name that MPICH's relatives agreed on, then those of distributions. */
const MPICH = ['libmpi.so.12', 'libmpich.so.12', 'libmpich.so', 'libmpi.12.dylib'];

type Memory = ArrayBufferView;

/** The calls of MPI that training needs, on MPI_COMM_WORLD. Counts are in elements. */
export interface MpiLibrary {
  /** The file that was loaded. */
  readonly file: string;
  readonly kind: 'Open MPI' | 'MPICH';
  init(): void;
  finalize(): void;
  abort(exitCode: number): void;
  rank(): number;
  size(): number;
  /** First line of what it says of itself. */
  version(): string;
  /** From every rank to every rank: block k of `send` becomes block (own rank) of rank k's `receive`. */
  allToAll(send: Float32Array, receive: Float32Array, count: number): void;
  /** `into` += `from`, within this process. */
  addTo(into: Float32Array, from: Float32Array): void;
  allGather(send: Float32Array, receive: Float32Array): void;
  allGatherBytes(send: Uint8Array, receive: Uint8Array): void;
  /** From rank 0 to all. */
  broadcastBytes(bytes: Uint8Array): void;
  /**
   * Begins a broadcast from rank 0. `bytes` and what is returned must be kept until it is done.
   * @returns whether it is done; to be asked until it says so, and not again
   */
  beginBroadcast(bytes: Uint8Array): () => boolean;
}

/** What stands for communicator, types and operation: addresses or integers. */
interface Handles {
  readonly kind: MpiLibrary['kind'];
  /** The C type of a handle. */
  readonly type: 'void *' | 'int';
  readonly world: unknown;
  readonly float: unknown;
  readonly byte: unknown;
  readonly sum: unknown;
}

/**
 * Loads libmpi; MPI is not started by it.
 * @throws UserError MIM8101 with what was tried
 */
export async function loadMpi(launcher: RankLauncher | undefined, environment: Readonly<Record<string, string | undefined>> = process.env): Promise<MpiLibrary> {
  const named = environment[LIBRARY_VARIABLE];
  const files = named !== undefined ? [named] : launcher === 'PMI' ? [...MPICH, ...OPEN_MPI] : [...OPEN_MPI, ...MPICH];
  const failures: string[] = [];
  try {
    const { default: koffi } = await import('koffi');
    for (const file of files) {
      try {
        // Open MPI's plug-ins expect the symbols of the library to be there for all.
        const library = koffi.load(file, { global: true });
        return bind(file, library, handlesOf(library));
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  } catch (error) {
    failures.push(`the package koffi does not load: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new UserError(
    'MIM8101',
    `No library of MPI can be loaded (${failures.map((line) => line.split('\n')[0]).join('; ')}).`,
    `Load the cluster's MPI (such as \`module load openmpi\`), or name its libmpi in ${LIBRARY_VARIABLE}. To start processes that know nothing of each other, say --no-mpi.`,
  );
}

function handlesOf(library: LibraryHandle): Handles {
  const symbol = (name: string): unknown => library.symbol(name, 'void *');
  try {
    return { kind: 'Open MPI', type: 'void *', world: symbol('ompi_mpi_comm_world'), float: symbol('ompi_mpi_float'), byte: symbol('ompi_mpi_byte'), sum: symbol('ompi_mpi_op_sum') };
  } catch {
    // The integers of the MPICH ABI initiative, from mpi.h.
    return { kind: 'MPICH', type: 'int', world: 0x44000000, float: 0x4c00040a, byte: 0x4c00010d, sum: 0x58000003 };
  }
}

/** Enough for a request, a status or a flag of either. */
const SCRATCH_BYTES = 64;

function bind(file: string, library: LibraryHandle, { kind, type: T, world, float, byte, sum }: Handles): MpiLibrary {
  const declare = (name: string, parameters: string): ((...values: unknown[]) => number) => library.func(`int ${name}(${parameters})`);
  const init = declare('MPI_Init', 'void *, void *');
  const finalize = declare('MPI_Finalize', '');
  const abort = declare('MPI_Abort', `${T}, int`);
  const commRank = declare('MPI_Comm_rank', `${T}, void *`);
  const commSize = declare('MPI_Comm_size', `${T}, void *`);
  const libraryVersion = declare('MPI_Get_library_version', 'void *, void *');
  const allToAll = declare('MPI_Alltoall', `void *, int, ${T}, void *, int, ${T}, ${T}`);
  const reduceLocal = declare('MPI_Reduce_local', `void *, void *, int, ${T}, ${T}`);
  const allGather = declare('MPI_Allgather', `void *, int, ${T}, void *, int, ${T}, ${T}`);
  const broadcast = declare('MPI_Bcast', `void *, int, ${T}, int, ${T}`);
  const beginBroadcast = declare('MPI_Ibcast', `void *, int, ${T}, int, ${T}, void *`);
  const test = declare('MPI_Test', 'void *, void *, void *');
  const askInteger = (ask: typeof commRank): number => {
    const answer = new Int32Array(1);
    ask(world, answer);
    return answer[0]!;
  };
  return {
    file,
    kind,
    init: () => void init(null, null),
    finalize: () => void finalize(),
    abort: (exitCode) => void abort(world, exitCode),
    rank: () => askInteger(commRank),
    size: () => askInteger(commSize),
    version: () => {
      // MPI_MAX_LIBRARY_VERSION_STRING is 256 in Open MPI, 8192 in MPICH.
      const [text, length] = [Buffer.alloc(8192), new Int32Array(1)];
      libraryVersion(text, length);
      return text.toString('utf8', 0, length[0]).split(/[\n\0,]/, 1)[0]!.trim().replace(/\s+/g, ' ');
    },
    allToAll: (send, receive, count) => void allToAll(send, count, float, receive, count, float, world),
    addTo: (into, from) => void reduceLocal(from, into, from.length, float, sum),
    allGather: (send, receive) => void allGather(send, send.length, float, receive, send.length, float, world),
    allGatherBytes: (send, receive) => void allGather(send, send.length, byte, receive, send.length, byte, world),
    broadcastBytes: (bytes) => void broadcast(bytes, bytes.length, byte, 0, world),
    beginBroadcast: (bytes) => {
      const scratch = (): Memory => Buffer.alloc(SCRATCH_BYTES);
      const [request, flag, status] = [scratch(), new Int32Array(1), scratch()];
      beginBroadcast(bytes, bytes.length, byte, 0, world, request);
      return () => {
        test(request, flag, status);
        return flag[0] !== 0;
      };
    },
  };
}
