// Frees memory that the garbage collector would free later.

/** What is used of a `MessagePort`. */
interface Port {
  postMessage(message: undefined, transferred: ArrayBuffer[]): void;
}

/** A port whose other end is closed: what is sent there is gone. */
let closed: Port | undefined;

/** Frees the memory of bytes that are not used anymore, and of all other views of their buffer. */
export function freeMemory({ buffer }: Uint8Array): void {
  const { transfer } = buffer as { transfer?: (length: number) => unknown };
  if (transfer !== undefined) transfer.call(buffer, 0);
  else if (typeof MessageChannel !== "undefined") {
    // Node 20. A buffer that is sent belongs to the receiver.
    const port = (closed ??= closedPort());
    port.postMessage(undefined, [buffer as ArrayBuffer]);
  }
}

function closedPort(): Port {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  return port2;
}
