/**
 * A sum over ranks whose result does not depend on the MPI library, the network or the number of nodes.
 *
 * MPI_Allreduce may add in any order, and different orders round differently. So each rank receives everybody's values of one slice
 * (MPI_Alltoall), adds them in the order of the ranks, and sends the slice's sum to all (MPI_Allgather). Each value travels as often as
 * in the bandwidth-optimal all-reduce (Thakur, Rabenseifner, Gropp 2005): 2·(R − 1)/R times.
 */
import { packBucket, unpackBucket } from './buckets';
import type { MpiLibrary } from './mpi-library';

/** Values a bucket: 4 MiB, enough to hide the latency of a network and little beside a model. */
const BUCKET = 1 << 20;

/** Every array's values become their sums over the ranks. All ranks give arrays of the same lengths in the same order. */
export function sumInRankOrder(mpi: Pick<MpiLibrary, 'allToAll' | 'addTo' | 'allGather'>, size: number, arrays: readonly Float32Array[], bucketLength = BUCKET): void {
  const total = arrays.reduce((sum, { length }) => sum + length, 0);
  const slice = Math.ceil(Math.min(bucketLength, total) / size);
  const [send, receive] = [new Float32Array(slice * size), new Float32Array(slice * size)];
  for (let offset = 0; offset < total; offset += send.length) {
    packBucket(send, arrays, offset);
    mpi.allToAll(send, receive, slice);
    const sum = receive.subarray(0, slice);
    for (let rank = 1; rank < size; rank++) mpi.addTo(sum, receive.subarray(rank * slice, (rank + 1) * slice));
    mpi.allGather(sum, send);
    unpackBucket(send, arrays, offset);
  }
}
