/** Asks the system's loader for libraries, as native programs do. */

/** Why a library is not found or opened; undefined where it is, and where that cannot be asked. */
export type Opener = (library: string) => Promise<string | undefined>;

export const openedBySystem: Opener = async (library) => {
  const koffi = await import('koffi').catch(() => undefined);
  if (!koffi) return undefined;
  try {
    koffi.default.load(library).unload();
    return undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.replace(/^Failed to load shared library: /, '');
  }
};
