/** Many arrays as one long row of values, of which a stretch at a time is copied into a bucket and back. */

/** Fills `bucket` with the values from `offset` on of all arrays laid one after another; returns how many there were. */
export function packBucket(bucket: Float32Array, arrays: readonly Float32Array[], offset: number): number {
  return forEachPiece(arrays, offset, bucket.length, (piece, at) => bucket.set(piece, at));
}

/** Puts back what {@link packBucket} took from `offset` on. */
export function unpackBucket(bucket: Float32Array, arrays: readonly Float32Array[], offset: number): void {
  forEachPiece(arrays, offset, bucket.length, (piece, at) => piece.set(bucket.subarray(at, at + piece.length)));
}

function forEachPiece(arrays: readonly Float32Array[], offset: number, length: number, visit: (piece: Float32Array, at: number) => void): number {
  let [skip, at] = [offset, 0];
  for (const array of arrays) {
    if (at === length) break;
    if (skip < array.length) {
      const piece = array.subarray(skip, skip + length - at);
      visit(piece, at);
      at += piece.length;
    }
    skip = Math.max(0, skip - array.length);
  }
  return at;
}
