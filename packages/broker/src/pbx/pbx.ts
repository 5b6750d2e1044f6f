// The object `pbx`: what two ends of this implementation can do beyond Twisted's protocol. A stock peer answers a call
// to it with "Invalid Object ID", and logs nothing.

import { Float, plainState } from "@pb/jelly-types";
import { ServerBusyError } from "../errors.js";
import { Referenceable } from "../flavors/referenceable.js";
import type { PeerInstance } from "../references/graph-context.js";

/** The name under which each end publishes its object. */
export const PBX = "pbx";

/** Whether programs cannot publish this name. */
export function isReserved(name: string): boolean {
  return name === PBX || name.startsWith(`${PBX}:`);
}

/** Why a peer goes away, if not to stop. */
export const REPLACED = "replaced";
export const DENIED = "denied";

/** What an end can do. */
export type Feature = (typeof FEATURES)[number];

const FEATURES = ["goaway", "note", "cancel", "expect", "once"] as const;

/** Longer times are no times that an operator means. In seconds: a year. */
const LONGEST_RETRY_S = 366 * 24 * 3600;

/** A server that has no place is asked again after this time, in seconds. */
const LONGEST_BUSY_S = 3600;

/** The names of limits. */
const WORD = /^\w{1,40}$/;

/** A form of data, and how many of them a peer can name. */
const FORM = /^[\w-]{1,40}$/;
const MOST_FORMS = 16;

/** The id of the store in which an end keeps answers. */
const INSTANCE = /^[\w-]{1,64}$/;

/** What the announcements of the peer are passed to. */
interface GoodbyeReceiver {
  /** `busy` is the error of a connection whose place the server needs: it ends at once. */
  peerGoesAway(retryAfterMs: number, busy: ServerBusyError | undefined): void;
  wasReplaced(): void;
  /** The peer has ended the sessions of this user: for this time, or for good. */
  wasDenied(retryAfterMs: number | undefined): void;
}

/** What the messages about calls of the peer are passed to. */
interface CallReceiver {
  /** What callers have to know about answers that are kept. Undefined if none are. */
  describe(): object | undefined;
  note(requestId: unknown, details: unknown): void;
  cancel(requestId: unknown): void;
  expect(requestId: unknown): void;
  forget(idOrKey: unknown): void;
}

/** What is known of the peer. */
interface FormReceiver {
  /** The forms of data that it reads. */
  forms: ReadonlySet<string> | undefined;
}

/** The methods that the peer can call (docs/extension.md). */
export class Pbx extends Referenceable {
  static readonly accepts = {
    hello: true,
    goaway: true,
    note: true,
    expect: true,
    forget: true,
    cancel: true,
    reads: true,
  } as const;

  readonly #goodbyes: GoodbyeReceiver;
  readonly #calls: CallReceiver;
  readonly #peer: FormReceiver;

  constructor(goodbyes: GoodbyeReceiver, calls: CallReceiver, peer: FormReceiver) {
    super();
    this.#goodbyes = goodbyes;
    this.#calls = calls;
    this.#peer = peer;
  }

  /** The peer reads these forms of data, which no stock peer knows. */
  remote_reads(forms: unknown): void {
    if (!Array.isArray(forms)) return;
    const known = forms.slice(0, MOST_FORMS).filter((form) => typeof form === "string" && FORM.test(form));
    this.#peer.forms = new Set(known as string[]);
  }

  /** What this end can do. */
  remote_hello(): object {
    const kept = this.#calls.describe();
    const features = kept === undefined ? FEATURES.filter((feature) => feature !== "once") : FEATURES;
    return { version: 1, features, ...kept };
  }

  /**
   * The peer closes soon: no further calls. `retryAfter` is in seconds: when it makes sense to reconnect. With the
   * reason `replaced` it closes now, because the same user has logged in over another connection; with `denied`,
   * because it has ended the sessions of the user, for good without `retryAfter`. `busy` is the limit
   * because of which the peer needs the place of this connection, and closes it now.
   */
  remote_goaway(details: unknown): void {
    const { retryAfter, reason, busy } = entriesOf(details) as Partial<
      Record<"retryAfter" | "reason" | "busy", unknown>
    >;
    if (reason === REPLACED) {
      this.#goodbyes.wasReplaced();
      return;
    }
    const seconds = toSeconds(retryAfter);
    const isTime = seconds >= 0 && seconds < Infinity;
    const retryAfterMs = isTime ? Math.min(seconds, LONGEST_RETRY_S) * 1000 : 0;
    if (reason === DENIED) {
      this.#goodbyes.wasDenied(isTime ? retryAfterMs : undefined);
      return;
    }
    const isBusy = typeof busy === "string" && WORD.test(busy);
    const busyMs = Math.min(retryAfterMs, LONGEST_BUSY_S * 1000);
    this.#goodbyes.peerGoesAway(retryAfterMs, isBusy ? new ServerBusyError(busy, busyMs) : undefined);
  }

  /** Facts about the next call with this id. */
  remote_note(requestId: unknown, details: unknown): void {
    this.#calls.note(requestId, details);
  }

  /** The peer will call the result of the next call with this id, by the name `pbx:<id>`. */
  remote_expect(requestId: unknown): void {
    this.#calls.expect(requestId);
  }

  /** The peer makes no further calls to this result; or, for a key, it has the answer of that call. */
  remote_forget(idOrKey: unknown): void {
    this.#calls.forget(idOrKey);
  }

  /** The peer does not wait for the answer of its call anymore. */
  remote_cancel(requestId: unknown): void {
    this.#calls.cancel(requestId);
  }
}

/** A received number, however the connection reads numbers. NaN for anything else. */
export function toSeconds(value: unknown): number {
  if (value instanceof Float) return value.value;
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : NaN;
}

/** A received dict as an object, however the connection reads dicts. */
function entriesOf(dict: unknown): object {
  return Object(plainState(dict)) as object;
}

/** What an answer to `hello` says about kept answers. Undefined if it makes no sense. */
export function instanceOf(hello: unknown): PeerInstance | undefined {
  const { instance, clock } = entriesOf(hello) as { readonly instance?: unknown; readonly clock?: unknown };
  const seconds = toSeconds(clock);
  if (typeof instance !== "string" || !INSTANCE.test(instance) || !Number.isFinite(seconds)) return undefined;
  return { instance, clock: seconds, answeredAt: performance.now() };
}

/** The features in an answer to `hello`. None, if it is anything else. */
export function featuresOf(hello: unknown): ReadonlySet<Feature> {
  const { features } = entriesOf(hello) as { readonly features?: unknown };
  return new Set(FEATURES.filter((feature) => Array.isArray(features) && features.includes(feature)));
}
