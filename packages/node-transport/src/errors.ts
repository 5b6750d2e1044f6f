// What goes wrong before there is a connection, or in naming one.

/** An endpoint that cannot be understood. `part` is the piece at fault. */
export class EndpointError extends TypeError {
  override readonly name = "EndpointError";
  readonly code = "BAD_ENDPOINT";
  readonly part: string;

  constructor(endpoint: string, part: string, expected: string) {
    super(`${JSON.stringify(endpoint)}: ${part}: ${expected}`);
    this.part = part;
  }
}
