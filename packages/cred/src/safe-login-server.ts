// Logins that Twisted does not have, under a name of their own beside the root: SCRAM-SHA-256 (RFC 7677) and bearer tokens.

import { Referenceable } from "@pb/broker";
import type { Parameters } from "@pb/broker";
import type { ChannelBindingType } from "@pb/broker/extension";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import type { Attempt } from "./attempts.js";
import { bytesOf, isSame, textOf } from "./bytes.js";
import type { AvatarId } from "./checkers.js";
import { BearerToken, ScramProof } from "./credentials.js";
import { ChannelBindingUnavailable, LoginFailed, UnauthorizedLogin } from "./errors.js";
import type { LoginMechanism } from "./limits.js";
import { mindOf } from "./login-session.js";
import type { LoginSession } from "./login-session.js";
import {
  authMessage,
  channelOf,
  newNonce,
  readClientFinal,
  readClientFirst,
  writeServerFinal,
  writeServerFirst,
} from "./scram-messages.js";
import type { Binding, ClientFinal, ClientFirst } from "./scram-messages.js";
import type { ScramVerifier } from "./scram-verifier.js";

/** A token longer than this is none. */
const LONGEST_TOKEN = 64 * 1024;

/** See safe-login.ts. */
export class SafeLogin extends Referenceable {
  static readonly parameters: Parameters = { scram: ["message"], bearer: ["token", "mind"] };
  readonly #session: LoginSession;

  constructor(session: LoginSession) {
    super();
    this.#session = session;
  }

  async remote_scram(message: unknown): Promise<Tuple> {
    const session = this.#session;
    session.require("scram");
    const checker = session.scramChecker;
    const attempt = session.begin();
    try {
      const clientFirst = readClientFirst(message);
      const channel = channelOf(clientFirst, channelData(session, clientFirst.binding));
      const verifier = await session.guard(() => checker.scramVerifier(clientFirst.username));
      const nonce = clientFirst.nonce + newNonce();
      const serverFirst = writeServerFirst({ nonce, salt: verifier.salt, iterations: verifier.iterations });
      const so = { clientFirst, channel, verifier, nonce, serverFirst };
      return tuple(bytesOf(serverFirst), new ScramExchange(session, attempt, so));
    } catch (error) {
      attempt.end();
      throw error;
    }
  }

  async remote_bearer(token: unknown, mind: unknown): Promise<Referenceable> {
    const session = this.#session;
    session.require("bearer");
    const attempt = session.begin();
    try {
      const checked = mindOf(mind);
      const text = textOf(token);
      const check = () => {
        if (text === undefined || text.length > LONGEST_TOKEN) throw new UnauthorizedLogin();
        return session.requestAvatarId(new BearerToken(text));
      };
      const avatarId = await session.authenticate("bearer", undefined, check);
      return await session.admit("bearer", avatarId, checked);
    } finally {
      attempt.end();
    }
  }
}

/** What was said so far. */
interface SoFar {
  readonly clientFirst: ClientFirst;
  readonly channel: Uint8Array;
  readonly verifier: ScramVerifier;
  readonly nonce: string;
  readonly serverFirst: string;
}

/** Takes one proof. */
class ScramExchange extends Referenceable {
  static readonly parameters: Parameters = { finish: ["message"] };
  readonly #session: LoginSession;
  readonly #attempt: Attempt;
  readonly #so: SoFar;

  constructor(session: LoginSession, attempt: Attempt, so: SoFar) {
    super();
    this.#session = session;
    this.#attempt = attempt;
    this.#so = so;
  }

  async remote_finish(message: unknown): Promise<Tuple> {
    const isFirst = this.#attempt.use();
    const { clientFirst, serverFirst, verifier } = this.#so;
    const mechanism = clientFirst.binding.startsWith("p=") ? "scram-sha-256-plus" : "scram-sha-256";
    try {
      let signed = "";
      const check = (): Promise<AvatarId> => {
        const final = isFirst ? this.#read(message) : undefined;
        if (final === undefined) throw new UnauthorizedLogin();
        signed = authMessage(clientFirst.bare, serverFirst, final.withoutProof);
        return this.#session.requestAvatarId(new ScramProof(clientFirst.username, signed, final.proof));
      };
      const avatarId = await this.#session.authenticate(mechanism, clientFirst.username, check);
      this.#attempt.end(); // the entrance is the next one
      const entrance = new Entrance(this.#session, mechanism, avatarId);
      return tuple(bytesOf(writeServerFinal(verifier.sign(signed))), entrance);
    } finally {
      this.#attempt.end();
    }
  }

  /** Undefined when it is about another exchange, or came over another channel. */
  #read(message: unknown): ClientFinal | undefined {
    const final = readClientFinal(message);
    return final.nonce === this.#so.nonce && isSame(this.#so.channel, final.channel) ? final : undefined;
  }

  override unreferenced(): void {
    this.#attempt.end();
  }
}

/** Lets in, once, who has proven who they are. */
class Entrance extends Referenceable {
  static readonly parameters: Parameters = { enter: ["mind"] };
  readonly #session: LoginSession;
  readonly #mechanism: LoginMechanism;
  readonly #avatarId: AvatarId;
  readonly #attempt: Attempt;

  constructor(session: LoginSession, mechanism: LoginMechanism, avatarId: AvatarId) {
    super();
    this.#session = session;
    this.#mechanism = mechanism;
    this.#avatarId = avatarId;
    this.#attempt = session.begin();
  }

  async remote_enter(mind: unknown): Promise<Referenceable> {
    if (!this.#attempt.use()) throw new UnauthorizedLogin();
    try {
      return await this.#session.admit(this.#mechanism, this.#avatarId, mindOf(mind));
    } finally {
      this.#attempt.end();
    }
  }

  override unreferenced(): void {
    this.#attempt.end();
  }
}

const bindingTypes: readonly ChannelBindingType[] = ["tls-exporter", "tls-server-end-point"];

/** The bytes that bind to our end of the channel. Throws when client and channel do not go together (RFC 5802 section 6). */
function channelData({ peer }: LoginSession, binding: Binding): Uint8Array | undefined {
  if (binding === "n") return undefined;
  if (binding === "y") {
    // The client could bind, and was made to believe that we cannot.
    if (bindingTypes.some((type) => peer.channelBinding?.(type) !== undefined)) {
      throw new LoginFailed("This server does support channel binding", { code: "LOGIN_TOO_WEAK" });
    }
    return undefined;
  }
  const type = bindingTypes.find((known) => binding === `p=${known}`);
  const data = type === undefined ? undefined : peer.channelBinding?.(type);
  if (data === undefined)
    throw new ChannelBindingUnavailable(`This server has no channel binding ${binding.slice(2)} here`);
  return data;
}
