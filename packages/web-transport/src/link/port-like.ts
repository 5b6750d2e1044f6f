// What a link needs of a MessagePort or of a worker: those of browsers, Deno, Bun and Node have it.

/** A MessagePort, a Worker, or the global scope of a worker. */
export interface PortLike {
  postMessage(message: unknown, transfer: never[]): void;
  addEventListener?(type: string, listener: (event: unknown) => void): void;
  removeEventListener?(type: string, listener: (event: unknown) => void): void;
  /** The worker of Node has these. */
  on?(type: string, listener: (value: unknown) => void): unknown;
  off?(type: string, listener: (value: unknown) => void): unknown;
  start?(): void;
  close?(): void;
}

/** Calls a listener with the events of one type. The result removes it. */
export function listenTo(port: PortLike, type: string, listener: (event: unknown) => void): () => void {
  if (port.addEventListener !== undefined) {
    port.addEventListener(type, listener);
    return () => port.removeEventListener?.(type, listener);
  }
  // A worker of Node emits the message itself.
  const unwrapped = type === "message" ? (data: unknown) => listener({ data }) : listener;
  port.on?.(type, unwrapped);
  return () => void port.off?.(type, unwrapped);
}

/** Whether the value has the methods of a port. */
export function isPort(value: object): value is PortLike {
  return "postMessage" in value && ("addEventListener" in value || "on" in value);
}

/** Whether the port is a MessagePort, which can be closed without ending anything else. */
export function isMessagePort(port: PortLike): boolean {
  return port.start !== undefined && port.close !== undefined;
}
