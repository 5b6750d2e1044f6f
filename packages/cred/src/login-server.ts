// The two methods that a peer can log in with, before it can do anything else (wire specification 6; `twisted.spread.pb._PortalRoot`).

import { Referenceable } from "@pb/broker";
import type { Avatar, IncomingCall, Parameters, RemoteReference } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import { challenge } from "./challenge.js";
import { Anonymous, ChallengedPassword } from "./credentials.js";
import type { Credentials } from "./credentials.js";
import { UnauthorizedLogin } from "./errors.js";

/** Asks the portal. */
type Authenticate = (
  credentials: Credentials,
  mind: RemoteReference | null,
) => Promise<{
  readonly avatar: Avatar | Referenceable;
  readonly logout?: (() => void) | undefined;
}>;

const utf8 = new TextDecoder("utf-8", { fatal: true });

export class LoginRoot extends Referenceable {
  static readonly parameters: Parameters = { login: ["username"], loginAnonymous: ["mind"] };
  readonly #authenticate: Authenticate;

  constructor(authenticate: Authenticate) {
    super();
    this.#authenticate = authenticate;
  }

  /** The challenge is given to whoever asks: it does not tell whether there is such a user. */
  remote_login(username: unknown): Tuple {
    const bytes = challenge();
    return tuple(bytes, new Challenger(nameOf(username), bytes, this.#authenticate));
  }

  async remote_loginAnonymous(mind: unknown): Promise<Referenceable> {
    return new LoggedIn(await this.#authenticate(new Anonymous(), mindOf(mind)));
  }
}

/** Takes one answer to one challenge (`twisted.spread.pb._PortalAuthChallenger`, which takes any number of them). */
class Challenger extends Referenceable {
  static readonly parameters: Parameters = { respond: ["response", "mind"] };
  readonly #username: string | undefined;
  readonly #authenticate: Authenticate;
  #challenge: Uint8Array | undefined;

  constructor(username: string | undefined, bytes: Uint8Array, authenticate: Authenticate) {
    super();
    this.#username = username;
    this.#challenge = bytes;
    this.#authenticate = authenticate;
  }

  async remote_respond(response: unknown, mind: unknown): Promise<Referenceable> {
    const bytes = this.#challenge;
    this.#challenge = undefined;
    if (bytes === undefined || this.#username === undefined) throw new UnauthorizedLogin();
    const credentials = new ChallengedPassword(this.#username, bytes, response);
    return new LoggedIn(await this.#authenticate(credentials, mindOf(mind)));
  }
}

/** An avatar for as long as one login lasts. Each login has its own, even to the same avatar, so that each logs out once. */
class LoggedIn extends Referenceable {
  readonly #avatar: Avatar | Referenceable;
  #logout: (() => void) | undefined;
  override readonly perspective: object | null;

  constructor({ avatar, logout }: Awaited<ReturnType<Authenticate>>) {
    super();
    this.#avatar = avatar;
    this.#logout = logout;
    this.perspective = avatar instanceof Referenceable ? avatar.perspective : avatar;
  }

  override get home(): object {
    return this.#avatar;
  }

  override receiveCall(call: IncomingCall): unknown {
    return this.#avatar.receiveCall(call);
  }

  unreferenced(): void {
    const logout = this.#logout;
    this.#logout = undefined;
    logout?.();
  }
}

/** User names are bytes in Twisted, and text for programs that think so. */
function nameOf(username: unknown): string | undefined {
  if (typeof username === "string") return username;
  if (!(username instanceof Uint8Array)) return undefined;
  try {
    return utf8.decode(username);
  } catch {
    return undefined;
  }
}

function mindOf(mind: unknown): RemoteReference | null {
  return (mind ?? null) as RemoteReference | null;
}
