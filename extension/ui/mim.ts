/** The headless program as the interface uses it for short questions (doctor, preview, export); jobs are core/jobs. */
export interface Mim {
  /**
   * Runs `mim ARGS` to its end in a process of its own; never through a shell.
   * @throws UserError with what the program said on stderr, without its stack.
   */
  run(args: readonly string[], options?: { readonly cwd?: string; readonly signal?: AbortSignal; /** Exit codes that are answers too; default 0. */ readonly accept?: readonly number[] }): Promise<{ readonly stdout: string }>;
}
