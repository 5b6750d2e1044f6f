// Passes on the calls of some methods only: reads what a browser sends, and answers the other calls.

import { BananaReader, encode, Scanner, standardDialects } from "@pb/banana";
import type { Dialect, Expression } from "@pb/banana";
import { jelly } from "@pb/jelly-types";
import { referencesIn } from "./references-in.js";

/** The largest choice of a dialect. That of Twisted has 4 bytes. */
const CHOICE_BYTES = 512;

/** The largest message of a browser, which is held until it is complete: six strings of the largest size. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

/** The memory of its values while it is checked and written again, which is done in one piece. */
const MESSAGE_HEAP_BYTES = 32 * 1024 * 1024;

/** The most bytes of answers that wait for the end of a message of the server. */
const WAITING_BYTES = 256 * 1024;

/** The most caches whose release a browser has not confirmed. */
const RELEASED_CACHES = 1024;

const bytesOf = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** The two directions of a connection. */
export interface FilterTargets {
  readonly toClient: (bytes: Uint8Array) => void;
  readonly toServer: (bytes: Uint8Array) => void;
}

/** The filter of one connection. Its methods throw `BananaError` for bytes after which the connection has to end. */
export class MethodFilter {
  readonly #methods: ReadonlySet<string>;
  readonly #targets: FilterTargets;
  readonly #client = new Scanner({ limits: { expressionBytes: MESSAGE_BYTES, heapBytes: MESSAGE_HEAP_BYTES } });
  readonly #server = new Scanner();
  readonly #reader = new BananaReader();
  /** Agreed when the browser has chosen it. */
  #dialect: Dialect | undefined;
  /** The number of bytes that the server has sent. */
  #serverBytes = 0;
  /** Messages to the browser that wait until a message of the server has ended. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Caches that arrived in a refused call: the server does not know them, so that their `uncache` ends here. */
  readonly #released = new Set<number>();

  constructor(methods: ReadonlySet<string>, targets: FilterTargets) {
    this.#methods = methods;
    this.#targets = targets;
    this.#client.expressionBytes = CHOICE_BYTES;
  }

  /** Bytes of a message of the browser that is not complete. */
  get heldBytes(): number {
    return this.#client.pendingBytes;
  }

  fromClient(bytes: Uint8Array): void {
    this.#client.push(bytes);
    for (let message = this.#client.next(); message !== undefined; message = this.#client.next()) {
      const dialect = this.#dialect;
      if (dialect === undefined) this.#choose(message);
      if (dialect === undefined || this.#passes(message)) this.#targets.toServer(encode(message, { dialect }));
    }
  }

  /** Passes the bytes on, with the messages that wait at the first place between two messages of the server. */
  fromServer(bytes: Uint8Array): void {
    this.#server.push(bytes);
    while (this.#server.advance(this.#reader));
    const end = this.#server.offset - this.#serverBytes;
    this.#serverBytes += bytes.length;
    if (this.#waiting.length === 0 || end <= 0) return this.#targets.toClient(bytes);
    this.#targets.toClient(bytes.subarray(0, end));
    for (const message of this.#waiting.splice(0)) this.#targets.toClient(message);
    this.#waitingBytes = 0;
    if (end < bytes.length) this.#targets.toClient(bytes.subarray(end));
  }

  #choose(choice: Expression): void {
    const name = choice instanceof Uint8Array ? latin1.decode(choice) : "";
    const dialect = standardDialects.find((known) => known.name === name);
    if (dialect === undefined) throw new TypeError("The client chose an unknown dialect");
    this.#dialect = this.#client.dialect = this.#server.dialect = dialect;
    this.#client.expressionBytes = MESSAGE_BYTES;
  }

  #passes(message: Expression): boolean {
    if (!Array.isArray(message)) return true; // The server ends the connection.
    const [command, id] = message;
    if (wordOf(command) === "uncache" && this.#released.delete(id as number)) return false;
    if (!isCall(wordOf(command))) return true;
    return this.#passesCall(message);
  }

  #passesCall(call: readonly Expression[]): boolean {
    const [, requestId, target, method, wantsAnswer] = call;
    const { references, cached, caches } = referencesIn(call.slice(5));
    const name = wordOf(method);
    if (this.#methods.has(name) && !cached.some((id) => this.#released.has(id))) return true;
    for (const id of caches) this.#released.add(id);
    if (this.#released.size > RELEASED_CACHES)
      throw new RangeError("The client does not confirm the release of caches");
    for (const id of references) this.#send(["decref", id]);
    for (const id of [...cached, ...caches]) this.#send(["decache", id]);
    if (wantsAnswer !== 0) this.#send(["error", requestId!, refusal(name, wordOf(target))]);
    return false;
  }

  /** Sends a message to the browser, now or when the server has sent all of its message. */
  #send([command, ...rest]: [string, ...Expression[]]): void {
    const bytes = encode([word(command), ...rest], { dialect: this.#dialect });
    if (this.#server.pendingBytes === 0) return this.#targets.toClient(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WAITING_BYTES)
      throw new RangeError("The client sends too many calls that are not allowed");
  }
}

function isCall(command: string): boolean {
  return command === "message" || command === "cachemessage";
}

function wordOf(expression: Expression | undefined): string {
  return expression instanceof Uint8Array ? latin1.decode(expression) : "";
}

function word(text: string): Uint8Array {
  return bytesOf.encode(text);
}

/** What the caller gets: an error as an unmodified Twisted server sends it (`twisted.spread.pb.CopyableFailure`). */
function refusal(method: string, target: string): Expression {
  // To the objects of extensions, the same answer as that of a server without the extension.
  const isExtension = target.startsWith("pbx");
  const types = isExtension
    ? ["twisted.spread.pb.Error"]
    : ["twisted.spread.flavors.NoSuchMethod", "builtins.AttributeError"];
  const state = {
    count: 1,
    type: word(types[0]!),
    value: isExtension ? "Invalid Object ID" : `The gateway does not allow calls of ${method.slice(0, 100)}`,
    captureVars: false,
    frames: [],
    stack: [],
    tb: null,
    parents: [...types, "builtins.Exception", "builtins.BaseException", "builtins.object"],
    pickled: 1,
    unsafeTracebacks: false,
    traceback: "Traceback unavailable\n",
  };
  return [word("twisted.spread.pb.CopyableFailure"), jelly(state)];
}
