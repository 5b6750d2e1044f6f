// What a Buildbot master offers to a worker over PB: the types of its objects. Names and order of arguments are the master's.

import type { RemoteError, RemoteReference } from "@pb/broker";
import type { Tuple } from "@pb/jelly-types";

/** What somebody gets who logs in as a worker. */
export interface MasterPerspective {
  keepalive(): null;
  /** Asks to be sent home: the master finishes what runs, then calls `shutdown` of the bot. */
  shutdown(): null;
}

/** One thing that a command tells: `{ stdout: "…" }`, `{ rc: 0 }`. */
export type Update = Readonly<Record<string, unknown>>;

/** The master's end of one running command. */
export interface RemoteCommand {
  /** The number behind each update is a leftover that masters ignore. */
  update(updates: readonly (readonly [Update, 0])[]): number;
  /** With an error when the command could not do its work at all: the build ends with an exception. */
  complete(failure: RemoteError | null): null;
}

/** Where a file that goes down comes from. */
export interface FileReader {
  /** The next bytes; none at the end. */
  read(length: number): Uint8Array | string;
  close(): null;
}

/** Where a file that goes up goes to. */
export interface FileWriter {
  write(data: Uint8Array): null;
  utime(accessedAndModified: Tuple): null;
  /** Unpacks a tar archive that was written. */
  unpack(): null;
  close(): null;
}

export type Remote<T> = RemoteReference<T>;
