/** Asks the system's loader for libraries, as native programs do. */

/** Why a library is not found or opened; undefined where it is. */
export type Opener = (library: string) => Promise<string | undefined>;

export const openedBySystem: Opener = async (library) => {
  try {
    const { default: koffi } = await import('koffi');
    koffi.load(library).unload();
    return undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.replace(/^Failed to load shared library: /, '');
  }
};
