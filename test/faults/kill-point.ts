/** Where a process is to be killed; see kill-at.mjs. */
export interface KillPoint {
  /** Which matching change of the file system, counted from 1. */
  readonly nth: number;
  /** Names of `node:fs/promises`, and `write`, `sync`, `datasync`, `truncate` of a handle; any where absent. */
  readonly operation?: RegExp;
  /** Of the file changed, for a rename its new name; any where absent. */
  readonly path?: RegExp;
}

/** The environment that makes a Node process end there by itself. */
export function killedAt({ nth, operation, path }: KillPoint): Record<string, string> {
  return {
    NODE_OPTIONS: `--import ${new URL('kill-at.mjs', import.meta.url).href}`,
    MIM_FAULT_KILL: String(nth),
    MIM_FAULT_OPERATION: operation?.source ?? '',
    MIM_FAULT_PATH: path?.source ?? '',
  };
}
