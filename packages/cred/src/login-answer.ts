// Parses the answer of a server in the middle of a login: a message, and the object that accepts the next message of
// the client.

import { RemoteReference } from "@pb/broker";
import { malformedLogin } from "./errors.js";

/**
 * Throws a `LoginFailed` when the answer has no reference. The caller checks the message, and releases the reference.
 */
export function readStep(answer: unknown): [message: unknown, next: RemoteReference] {
  const [message, next] = Array.isArray(answer) ? (answer as unknown[]) : [];
  if (next instanceof RemoteReference) return [message, next as RemoteReference];
  throw malformedLogin("The answer of the server does not belong to a login");
}
