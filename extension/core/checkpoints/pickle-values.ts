/** What a pickle of weights can describe, as inert data. */
import type { StoredDtype } from './dtypes';

export type PickleValue = null | boolean | number | bigint | string | Uint8Array | PickleTuple | PickleList | PickleDict | PickleGlobal | PickleStorage | PickleTensor | PickleInert;

export interface PickleTuple {
  readonly kind: 'tuple';
  readonly items: readonly PickleValue[];
}

export interface PickleList {
  readonly kind: 'list';
  readonly items: PickleValue[];
}

export interface PickleDict {
  readonly kind: 'dict';
  readonly entries: Map<PickleValue, PickleValue>;
}

/** A name of the whitelist; a name, not the thing. */
export interface PickleGlobal {
  readonly kind: 'global';
  readonly name: string;
}

/** Bytes of the archive that tensors share. */
export interface PickleStorage {
  readonly kind: 'storage';
  readonly key: string;
  readonly dtype: StoredDtype;
  /** Elements. */
  readonly length: number;
}

/** A strided view of a storage. */
export interface PickleTensor {
  readonly kind: 'tensor';
  readonly storage: PickleStorage;
  /** In elements, as are the strides. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** An object that is recognised and of no use: training arguments, numpy numbers. */
export interface PickleInert {
  readonly kind: 'inert';
  readonly name: string;
}

export function kindOf(value: PickleValue): string {
  if (value === null) return 'None';
  if (value instanceof Uint8Array) return 'bytes';
  return typeof value === 'object' ? value.kind : typeof value;
}
