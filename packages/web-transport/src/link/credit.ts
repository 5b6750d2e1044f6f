// Credit: how many bytes an end may send before the other end has read them. Used where a receiver cannot pause.

/** Both directions of a connection. Each end sends at most `window` bytes that the other end has not granted again. */
export class Credit {
  readonly #window: number;
  readonly #grant: (bytes: number) => void;
  /** Bytes that were sent and not granted again. */
  #outstanding = 0;
  /** Bytes that were received and not granted again. */
  #received = 0;
  /** Of these, those that were read. */
  #consumed = 0;

  /** `grant` tells the peer that this many more bytes were read. */
  constructor(window: number, grant: (bytes: number) => void) {
    this.#window = window;
    this.#grant = grant;
  }

  /** How many bytes may be sent now. */
  get room(): number {
    return this.#window - this.#outstanding;
  }

  sent(bytes: number): void {
    this.#outstanding += bytes;
  }

  /** The peer has granted bytes. False if this end has not sent as many. */
  granted(bytes: number): boolean {
    if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes > this.#outstanding) return false;
    this.#outstanding -= bytes;
    return true;
  }

  /** Bytes arrived. False if the peer was not allowed to send as many. */
  received(bytes: number): boolean {
    this.#received += bytes;
    return this.#received <= this.#window;
  }

  /** Bytes that arrived were read. They are granted in quarters of the window, so that grants cost little. */
  consumed(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed * 4 < this.#window) return;
    const granted = this.#consumed;
    this.#received -= granted;
    this.#consumed = 0;
    this.#grant(granted);
  }
}
