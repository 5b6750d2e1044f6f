// Handles one message of the peer: each command has one owner.

import type { BananaReader } from "@pb/banana";
import { ProtocolError } from "../errors.js";
import { readMessage, VERSION } from "../wire/messages.js";
import type { ConnectionCore } from "./connection-core.js";

/** Reads and handles one message. Throws {@link ProtocolError} when the peer violated the protocol; the connection then has to be closed. */
export function receiveMessage(core: ConnectionCore, reader: BananaReader): void {
  const message = readMessage(reader);
  switch (message.command) {
    case "version":
      if (message.version !== VERSION) {
        const text = `The peer uses version ${message.version} of the protocol; this end uses ${VERSION}`;
        throw new ProtocolError("PROTOCOL_VERSION", text);
      }
      break;
    case "message":
    case "cachemessage":
      core.responder.receiveCall(message, reader);
      break;
    case "answer":
      core.caller.receiveAnswer(message.requestId, reader);
      break;
    case "error":
      core.caller.receiveError(message.requestId, reader);
      break;
    case "decref":
      core.exports.release(message.id);
      break;
    case "decache":
      core.exports.releaseCache(message.id);
      break;
    case "uncache":
      core.imports.uncache(message.id);
      break;
    case "didNotUnderstand":
      core.config.onEvent({ kind: "not-understood", what: message.what });
      break;
  }
}
