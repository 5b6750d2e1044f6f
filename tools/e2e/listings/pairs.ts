// The pairs of programs in Twisted's howto and examples, and where each half is.

/** Twisted's half: a script below the folder of listings, or one of ours in this folder that starts what the listing has. */
export interface TwistedHalf {
  readonly script: string;
  /** Every listing that logs in with a password fails on Python 3 as printed: its text has to be made bytes. */
  readonly bytesCredentials?: boolean;
  /** It defines an `application` for twistd. */
  readonly tac?: boolean;
  /** It lies here and takes its port as an argument. */
  readonly isOurs?: boolean;
}

export interface Pair {
  readonly shows: string;
  readonly server: TwistedHalf;
  readonly clients: readonly TwistedHalf[];
  /** Our halves, below packages/examples/src/howto. */
  readonly ours: { readonly server: string; readonly clients: readonly string[] };
  /** The client never ends, and prints the same line again and again. */
  readonly isEndless?: boolean;
}

const pb = (name: string, more: Partial<TwistedHalf> = {}): TwistedHalf => ({ script: `howto/pb/${name}`, ...more });
const example = (name: string, more: Partial<TwistedHalf> = {}): TwistedHalf => ({
  script: `examples/${name}`,
  ...more,
});
const here = (name: string): TwistedHalf => ({ script: name, isOurs: true });
const bytes = { bytesCredentials: true };
const tac = { tac: true };

export const pairs: Readonly<Record<string, Pair>> = {
  pb1: {
    shows: "a method that returns an object of the server's",
    server: pb("pb1server.py"),
    clients: [pb("pb1client.py")],
    ours: { server: "pb1server", clients: ["pb1client"] },
  },
  pb2: {
    shows: "a reference that goes home is the object itself",
    server: pb("pb2server.py"),
    clients: [pb("pb2client.py")],
    ours: { server: "pb2server", clients: ["pb2client"] },
  },
  pb3: {
    shows: "the server calls an object of the client's",
    server: pb("pb3server.py"),
    clients: [pb("pb3client.py")],
    ours: { server: "pb3server", clients: ["pb3client"] },
  },
  pb5b: {
    shows: "a login, an avatar, a perspective_ method",
    server: pb("pb5server.py", bytes),
    clients: [pb("pb5client.py", bytes)],
    ours: { server: "pb5server", clients: ["pb5client"] },
  },
  pb6b: {
    shows: "two users, two avatars",
    server: pb("pb6server.py", bytes),
    clients: [pb("pb6client1.py", bytes), pb("pb6client2.py", bytes)],
    ours: { server: "pb6server", clients: ["pb6client1", "pb6client2"] },
  },
  anonb: {
    shows: "an anonymous login and one with a password, over one connection",
    server: pb("pbAnonServer.py", bytes),
    clients: [pb("pbAnonClient.py", bytes)],
    ours: { server: "pbAnonServer", clients: ["pbAnonClient"] },
  },
  chatb: {
    shows: "a Viewable, a mind, the server calls the client",
    server: pb("chatserver.py", bytes),
    clients: [pb("chatclient.py", bytes)],
    ours: { server: "chatserver", clients: ["chatclient"] },
  },
  copy: {
    shows: "a copy of an object",
    server: pb("copy_receiver.tac", tac),
    clients: [pb("copy_sender.py")],
    ours: { server: "copy_receiver", clients: ["copy_sender"] },
  },
  copy2: {
    shows: "a copy with another state",
    server: pb("copy2_receiver.py", tac),
    clients: [pb("copy2_sender.py")],
    ours: { server: "copy2_receiver", clients: ["copy2_sender"] },
  },
  cache: {
    shows: "a copy that is kept up to date, until it is dropped",
    server: pb("cache_receiver.py", tac),
    clients: [pb("cache_sender.py")],
    ours: { server: "cache_receiver", clients: ["cache_sender"] },
  },
  exc: {
    shows: "an error of the server's",
    server: pb("exc_server.py"),
    clients: [pb("exc_client.py")],
    ours: { server: "exc_server", clients: ["exc_client"] },
  },
  trap: {
    shows: "ways to fail, and how to tell them apart",
    server: pb("trap_server.py"),
    clients: [pb("trap_client.py")],
    ours: { server: "trap_server", clients: ["trap_client"] },
  },
  simple: {
    shows: "the smallest pair",
    server: example("pbsimple.py"),
    clients: [example("pbsimpleclient.py")],
    ours: { server: "pbsimple", clients: ["pbsimpleclient"] },
  },
  echob: {
    shows: "a login, an error of a known class, the logout",
    server: example("pbecho.py", bytes),
    clients: [example("pbechoclient.py", bytes)],
    ours: { server: "pbecho", clients: ["pbechoclient"] },
  },
  bench: {
    shows: "calls as fast as they go",
    server: example("pbbenchserver.py"),
    clients: [example("pbbenchclient.py")],
    ours: { server: "pbbenchserver", clients: ["pbbenchclient"] },
    isEndless: true,
  },
  quote: {
    shows: "a PB face for a service",
    server: here("quote_server.py"),
    clients: [{ script: "howto/TwistedQuotes/pbquoteclient.py" }],
    ours: { server: "pbquote", clients: ["pbquoteclient"] },
  },
  finger: {
    shows: "the finger tutorial: results that come later, and bytes",
    server: here("finger_server.py"),
    clients: [here("finger_client.py")],
    ours: { server: "finger21", clients: ["fingerPBclient"] },
  },
  interop: {
    shows: "every basic type",
    server: example("pbinterop.py"),
    clients: [here("interop_client.py")],
    ours: { server: "pbinterop", clients: ["pbinteropclient"] },
  },
};
