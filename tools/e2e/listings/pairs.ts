// The pairs of programs in Twisted's howto and examples, and which of them need special treatment.

export interface Pair {
  readonly shows: string;
  /**
   * Twisted's programs: paths in the documentation of Twisted, or files in this folder that replace a listing which
   * does not run on Python 3. Ours have the same base names, in a folder of packages/examples/src/howto.
   */
  readonly server: string;
  readonly clients: readonly string[];
  /** Twisted's clients do not exit: they leave the reactor running after the last call. */
  readonly clientsRunForever?: boolean;
  /** The client prints the same line again and again. */
  readonly repeats?: boolean;
}

const forever = { clientsRunForever: true };
const howto = "howto/listings/pb/";

export const pairs: Readonly<Record<string, Pair>> = {
  pb1: pair("a method that returns a reference", howto, "pb1server.py", ["pb1client.py"], forever),
  pb2: pair("the server gets its own object back", howto, "pb2server.py", ["pb2client.py"], forever),
  pb3: pair("the server calls an object of the client", howto, "pb3server.py", ["pb3client.py"], forever),
  pb5b: pair("a login, an avatar, a perspective_ method", howto, "pb5server.py", ["pb5client.py"], forever),
  pb6b: pair("two users, two avatars", howto, "pb6server.py", ["pb6client1.py", "pb6client2.py"], forever),
  anonb: pair("an anonymous login and one with a password", howto, "pbAnonServer.py", ["pbAnonClient.py"]),
  chatb: pair("a Viewable, a mind, calls to the client", howto, "chatserver.py", ["chatclient.py"]),
  copy: pair("a copy of an object", howto, "copy_receiver.tac", ["copy_sender.py"]),
  copy2: pair("a copy with a state of its own", howto, "copy2_receiver.py", ["copy2_sender.py"]),
  cache: pair("a copy that is updated until it is released", howto, "cache_receiver.py", ["cache_sender.py"]),
  exc: pair("an error raised by the server", howto, "exc_server.py", ["exc_client.py"]),
  trap: pair("kinds of errors and how to handle each", howto, "trap_server.py", ["trap_client.py"]),
  simple: pair("the smallest pair", "examples/", "pbsimple.py", ["pbsimpleclient.py"]),
  echob: pair("a login, an error of a known class, the logout", "examples/", "pbecho.py", ["pbechoclient.py"]),
  bench: pair("calls per second", "examples/", "pbbenchserver.py", ["pbbenchclient.py"], { ...forever, repeats: true }),
  quote: pair("an existing service with a PB interface", "", "pbquote.py", [
    "howto/listings/TwistedQuotes/pbquoteclient.py",
  ]),
  finger: pair("the finger tutorial: asynchronous results, and bytes", "", "finger21.py", ["fingerPBclient.py"]),
  interop: pair("every basic type", "", "examples/pbinterop.py", ["pbinteropclient.py"]),
};

function pair(shows: string, folder: string, server: string, clients: string[], options: Partial<Pair> = {}): Pair {
  return { shows, server: folder + server, clients: clients.map((client) => folder + client), ...options };
}
