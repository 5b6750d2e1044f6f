// What we say: calls, answers, errors, releases. Holds no state.

import type { Expression } from "@pb/banana";
import { below } from "@pb/jelly-types";
import type { Jellier } from "@pb/jelly-types";
import type { CallDetails, Outgoing } from "../references/graph-context.js";
import { DeadReferenceError } from "../errors.js";
import { Failure, UNKNOWN_ERROR } from "../wire/failure.js";
import { Kwargs } from "../wire/kwargs.js";
import { writeCall, writeRelease, writeReply } from "../wire/messages.js";
import type { ObjectId, Release } from "../wire/messages.js";
import type { BrokerConfig } from "./config.js";
import type { Outbox } from "./outbox.js";

/** A call as it goes out. A trailing {@link Kwargs} becomes the keyword arguments. Throws `JellyError` with a path such as `$.args[0].name`. */
export function sendCall(
  outbox: Outbox,
  out: Outgoing,
  { isCache, perspective, shared }: CallDetails,
  requestId: number,
  target: ObjectId,
  method: string,
  args: readonly unknown[],
  wantsAnswer: boolean,
): void {
  outbox.write(out, (writer, jellier) => {
    // Written later than it was called for: the message that was to bring the copy may have failed.
    if (
      isCache === true &&
      out.failedLater !== undefined &&
      out.channel.given.findCache(target as number) === undefined
    )
      throw new DeadReferenceError("The peer has no copy of this object");
    writeCall(writer, isCache === true ? "cachemessage" : "message", requestId, target, method, wantsAnswer);
    const written = shared?.find(outbox, perspective);
    if (written !== undefined) {
      writer.append(written);
      return;
    }
    const start = writer.position;
    const last = args.length > 0 ? args[args.length - 1] : undefined;
    const keywords = last instanceof Kwargs ? last : undefined;
    writeArguments(jellier.start(out), args, keywords === undefined ? args.length : args.length - 1);
    writeKeywords(jellier.start(out), keywords);
    shared?.keep(outbox, perspective, out.dependsOn, () => writer.since(start));
  });
}

function writeArguments(jellier: Jellier, args: readonly unknown[], count: number): void {
  jellier.writer.list(count + 1);
  jellier.writer.word("tuple");
  let index = 0;
  try {
    for (; index < count; index++) jellier.write(args[index]);
  } catch (error) {
    throw below(error, `.args[${index}]`);
  }
}

function writeKeywords(jellier: Jellier, keywords: Kwargs | undefined): void {
  const entries = keywords === undefined ? [] : Object.entries(keywords);
  const { writer } = jellier;
  writer.list(entries.length + 1);
  writer.word("dictionary");
  for (const [name, value] of entries) {
    writer.list(2);
    jellier.write(name);
    try {
      jellier.write(value);
    } catch (error) {
      throw below(error, `.kwargs.${name}`);
    }
  }
}

/** The result of a call. Throws `JellyError` when it cannot travel. */
export function sendAnswer(outbox: Outbox, out: Outgoing, requestId: Expression, value: unknown): void {
  outbox.write(out, (writer, jellier) => {
    writeReply(writer, "answer", requestId);
    jellier.writeGraph(value, out);
  });
}

/**
 * The error of a call: as itself where its class is registered, else as a description, and where that cannot travel, either, as an error of
 * which nothing is known: the caller always hears. Throws only when no answer to that request can travel.
 */
export function sendError(
  outbox: Outbox,
  out: Outgoing,
  requestId: Expression,
  error: unknown,
  config: BrokerConfig,
): void {
  try {
    if (error instanceof Error && config.types.writing(error) !== undefined) {
      sendGraph(error);
      return;
    }
  } catch {
    // It cannot travel as itself; its description can.
  }
  try {
    sendGraph(new Failure(config.describeError(error)));
  } catch {
    sendGraph(new Failure(UNKNOWN_ERROR));
  }

  function sendGraph(value: unknown): void {
    outbox.write(out, (writer, jellier) => {
      writeReply(writer, "error", requestId);
      jellier.writeGraph(value, out);
    });
  }
}

/** Gives back `count` references to one object of the peer, or counts of a cache; or says that a cache is forgotten. */
export function sendReleases(outbox: Outbox, command: Release | "uncache", id: number, count: number): void {
  // Each is a message: together they may be more than one may have.
  for (let left = count; left > 0; left--) outbox.write(undefined, (writer) => writeRelease(writer, command, id));
}
