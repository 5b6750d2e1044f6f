// The server's half of the extended logins: SCRAM-SHA-256 (RFC 7677) and bearer tokens.

import { Referenceable } from "@pb/broker";
import type { Parameters } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import { bytesOf, textOf, timingSafeEqual } from "../bytes.js";
import { BearerToken, ScramProof } from "../credentials/credentials.js";
import { ChannelBindingUnavailable, UnauthorizedLogin, weakLogin } from "../errors.js";
import type { LoginMechanism } from "../limits.js";
import type { ScramVerifier } from "../passwords/scram-verifier.js";
import type { AvatarId } from "../realm.js";
import {
  authMessage,
  bindingTypes,
  channelOf,
  newNonce,
  readClientFinal,
  readClientFirst,
  writeServerFinal,
  writeServerFirst,
} from "../scram/scram-messages.js";
import type { BindingFlag, ClientFinal, ClientFirst } from "../scram/scram-messages.js";
import type { LoginSession, Proven } from "../session/login-session.js";
import { LoginStep } from "../session/login-step.js";
import type { LoginAttempt } from "../session/login-attempt.js";

/** The longest token that is looked up, in UTF-16 code units. A longer one is treated as unknown. */
const LONGEST_TOKEN = 64 * 1024;

/** The object that is published under {@link EXTENDED_LOGIN}. Its two methods start a login. */
export class ExtendedLogin extends Referenceable {
  static readonly parameters: Parameters = { scram: ["message"], bearer: ["token", "mind"] };
  static readonly accepts = { scram: true, bearer: true } as const;
  readonly #session: LoginSession;

  constructor(session: LoginSession) {
    super();
    this.#session = session;
  }

  async remote_scram(message: unknown): Promise<Tuple> {
    const session = this.#session;
    session.require("scram");
    const checker = session.scramChecker;
    const clientFirst = readClientFirst(message);
    const channel = channelOf(clientFirst, bindingOf(session, clientFirst.binding));
    const attempt = await session.begin(mechanismOf(clientFirst), clientFirst.username);
    try {
      const verifier = await session.lookUp(() => checker.scramVerifier(clientFirst.username));
      const nonce = clientFirst.nonce + newNonce();
      const serverFirst = writeServerFirst({ nonce, salt: verifier.salt, iterations: verifier.iterations });
      const state = { clientFirst, channel, verifier, nonce, serverFirst };
      return tuple(bytesOf(serverFirst), new ScramExchange(session, attempt, state));
    } catch (error) {
      attempt.end();
      throw error;
    }
  }

  async remote_bearer(token: unknown, mind: unknown): Promise<Referenceable> {
    const session = this.#session;
    session.require("bearer");
    const attempt = await session.begin("bearer", undefined);
    const text = textOf(token);
    const check = () => {
      if (text === undefined || text.length > LONGEST_TOKEN) throw new UnauthorizedLogin();
      return session.requestAvatarId(new BearerToken(text));
    };
    return session.logIn(attempt, { mechanism: "bearer", username: undefined, mind, check });
  }
}

function mechanismOf({ binding }: ClientFirst): LoginMechanism {
  return binding.startsWith("p=") ? "scram-sha-256-plus" : "scram-sha-256";
}

/** The state of an exchange after the first messages of both sides. */
interface ExchangeState {
  readonly clientFirst: ClientFirst;
  readonly channel: Uint8Array;
  readonly verifier: ScramVerifier;
  readonly nonce: string;
  readonly serverFirst: string;
}

/** Accepts one proof. */
class ScramExchange extends LoginStep {
  static readonly parameters: Parameters = { finish: ["message"] };
  static readonly accepts = { finish: true } as const;
  readonly #state: ExchangeState;

  constructor(session: LoginSession, attempt: LoginAttempt, state: ExchangeState) {
    super(session, attempt);
    this.#state = state;
  }

  async remote_finish(message: unknown): Promise<Tuple> {
    const { session, attempt } = this;
    const { clientFirst, serverFirst, verifier } = this.#state;
    const mechanism = mechanismOf(clientFirst);
    if (!attempt.claim()) return session.refuse(attempt, mechanism, clientFirst.username);
    try {
      let signed = "";
      const check = (): Promise<AvatarId> => {
        const final = this.#read(message);
        if (final === undefined) throw new UnauthorizedLogin();
        signed = authMessage(clientFirst.bare, serverFirst, final.withoutProof);
        return session.requestAvatarId(new ScramProof(clientFirst.username, signed, final.proof));
      };
      const avatarId = await session.authenticate(mechanism, clientFirst.username, check);
      const user = await session.proven(avatarId);
      attempt.end(); // before the next one begins, so that the login counts as one in progress
      const proven = new ProvenLogin(session, mechanism, user);
      return tuple(bytesOf(writeServerFinal(verifier.sign(signed))), proven);
    } finally {
      attempt.end();
    }
  }

  /** Returns undefined when the message belongs to another exchange, or to another connection. */
  #read(message: unknown): ClientFinal | undefined {
    const final = readClientFinal(message);
    return final.nonce === this.#state.nonce && timingSafeEqual(this.#state.channel, final.channel) ? final : undefined;
  }
}

/** Accepts the mind of a client that has proven who it is, and returns the avatar. Can be used once. */
class ProvenLogin extends LoginStep {
  static readonly parameters: Parameters = { enter: ["mind"] };
  static readonly accepts = { enter: true } as const;
  readonly #mechanism: LoginMechanism;
  readonly #user: Proven;

  constructor(session: LoginSession, mechanism: LoginMechanism, user: Proven) {
    super(session, session.beginEntry());
    this.#mechanism = mechanism;
    this.#user = user;
  }

  async remote_enter(mind: unknown): Promise<Referenceable> {
    if (!this.attempt.claim()) throw new UnauthorizedLogin();
    try {
      return await this.session.admit(this.#mechanism, this.#user, mind);
    } finally {
      this.attempt.end();
    }
  }
}

/**
 * The channel binding of the server's end for the flag of the client. Throws when the flag does not fit the connection
 * (RFC 5802 section 6). The flag `y` claims that the server does not support channel binding: where it does, an
 * attacker has hidden that from the client.
 */
function bindingOf({ peer }: LoginSession, flag: BindingFlag): Uint8Array | undefined {
  if (flag === "n") return undefined;
  if (flag === "y") {
    if (bindingTypes.some((type) => peer.channelBinding?.(type) !== undefined)) {
      throw weakLogin("This server supports channel binding");
    }
    return undefined;
  }
  const type = bindingTypes.find((known) => flag === `p=${known}`);
  const data = type === undefined ? undefined : peer.channelBinding?.(type);
  if (data === undefined)
    throw new ChannelBindingUnavailable(`This connection has no channel binding of type ${flag.slice(2)}`);
  return data;
}
