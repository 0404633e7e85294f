/** What the loader and its threads say to each other. */
import { UserError } from '../../core/problems';
import type { WorkOrder, WorkResult } from './image-work';

export interface OrderMessage {
  readonly id: number;
  readonly order: WorkOrder;
}

export type ReplyMessage = { readonly id: number; readonly result: WorkResult; readonly error?: undefined } | { readonly id: number; readonly error: PackedError };

/** An error as data: a class does not survive the way between threads. */
export interface PackedError {
  readonly message: string;
  readonly stack?: string;
  readonly user?: { readonly code: string; readonly hint?: string; readonly exitCode: number };
}

export function packError(error: unknown): PackedError {
  if (error instanceof UserError) return { message: error.message, user: { code: error.code, hint: error.hint, exitCode: error.exitCode } };
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  return { message: String(error) };
}

export function unpackError(packed: PackedError): Error {
  if (packed.user) return new UserError(packed.user.code, packed.message, packed.user.hint, packed.user.exitCode);
  const error = new Error(packed.message);
  if (packed.stack) error.stack = packed.stack;
  return error;
}
