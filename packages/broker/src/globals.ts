// Global types of the declarations, for programs whose compiler options do not include them.

/// <reference lib="esnext.disposable" preserve="true" />

declare global {
  /** Merged with the `AbortSignal` of the platform, if the program has its types. */
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- adds nothing to the platform's type
  interface AbortSignal {}
}

export {};
