// The types of the objects of a Buildbot master that a worker calls. Names and parameters are those of the master.

import type { RemoteError, RemoteReference } from "@pb/broker";
import type { Tuple } from "@pb/jelly-types";

/** The avatar of a worker. */
export interface MasterPerspective {
  keepalive(): null;
  /** Asks for a shutdown. The master calls `shutdown` of the bot when the running builds are complete. */
  shutdown(): null;
}

/** An update of a command: `{ stdout: "…" }`, `{ rc: 0 }`. */
export type Update = Readonly<Record<string, unknown>>;

/** The object of the master for one running command. */
export interface RemoteCommand {
  /** The number in each pair is part of the protocol, but masters ignore it. */
  update(updates: readonly (readonly [Update, 0])[]): number;
  /** With an error, the build ends with an exception. */
  complete(failure: RemoteError | null): null;
}

/** Reads a file on the master, for a download. */
export interface FileReader {
  /** The next bytes; empty at the end of the file. */
  read(length: number): Uint8Array | string;
  close(): null;
}

/** Writes a file on the master, for an upload. */
export interface FileWriter {
  write(data: Uint8Array): null;
  utime(accessedAndModified: Tuple): null;
  /** Unpacks the tar archive that was written. */
  unpack(): null;
  close(): null;
}

export type Remote<T> = RemoteReference<T>;
