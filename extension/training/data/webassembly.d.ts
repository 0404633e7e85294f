/** WebAssembly's JavaScript interface, as far as it is used here; TypeScript has it for browsers only. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  const Module: {
    new (bytes: Uint8Array): Module;
    imports(module: Module): readonly { readonly module: string; readonly name: string; readonly kind: string }[];
    customSections(module: Module, name: string): readonly ArrayBuffer[];
  };
  const Instance: new (module: Module, imports: Readonly<Record<string, Readonly<Record<string, (...args: number[]) => unknown>>>>) => { readonly exports: object };
  /** What it does is not possible: a read beyond its memory, an endless recursion. */
  const RuntimeError: new () => Error;
  function compile(bytes: Uint8Array): Promise<Module>;
}
