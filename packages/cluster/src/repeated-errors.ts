// Errors of something that is tried again and again.

/** Reports each code once, until an attempt has succeeded. */
export class RepeatedErrors {
  readonly #report: (error: unknown) => void;
  readonly #codes = new Set<unknown>();

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** An attempt has failed. */
  failed(error: unknown): void {
    const { code } = Object(error) as { readonly code?: unknown };
    if (!this.#codes.has(code)) this.#report(error);
    this.#codes.add(code);
  }

  succeeded(): void {
    this.#codes.clear();
  }
}
