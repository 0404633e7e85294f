/** The package brings no types; of its decoder this is what is used. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  export interface JpegDecoder {
    /** Memory for the file, to be filled before `decode`; gone when it is called again. */
    getEncodedBuffer(length: number): Uint8Array;
    /** @throws a number where the library has anything to say against the file, warnings included. */
    decode(): void;
    /** RGB, or grey where the file is; gone at the next `decode`. */
    getDecodedBuffer(): Uint8ClampedArray;
  }

  export interface LibjpegTurbo {
    readonly JPEGDecoder: new () => JpegDecoder;
  }

  export default function create(): Promise<LibjpegTurbo>;
}
