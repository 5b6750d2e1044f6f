// What becomes of the first connection when the same user logs in over a second: usually the first is dead, and nobody has noticed yet.

import { PBError } from "@pb/broker";
import { after } from "@pb/broker/extension";
import type { Broker } from "@pb/broker";

export interface SameUserOptions {
  /**
   * When a user is logged in already: `allow` both, as Twisted does. `replace`: the older connection ends with the reason `replaced`. `ask`: the older
   * connection is pinged; when it answers, the new login is refused with {@link DuplicateLogin}; when it does not, it ends with the reason
   * `unresponsive`, and the new login goes ahead. Users are told apart by the id their checker gave; the anonymous are never the same.
   */
  readonly sameUser?: "allow" | "replace" | "ask" | undefined;
  /** With `ask`: milliseconds to answer. Default 2,000: the new login waits for so long. */
  readonly answerMs?: number | undefined;
}

const ANSWER_MS = 2_000;

/** The user is logged in over another connection, which is alive. */
export class DuplicateLogin extends PBError {
  static override readonly remoteType: string = "pb.DuplicateLogin";
  static readonly remoteBases: readonly string[] = ["twisted.cred.error.LoginDenied", "twisted.cred.error.LoginFailed"];
  override readonly name = "DuplicateLogin";
}

/** Who is logged in as a user. */
interface Holder {
  readonly connection: Broker;
  /** One connection may log in several times. */
  readonly logins: Set<Disposable>;
}

/** The users of one server. */
export class Logins {
  readonly #policy: "allow" | "replace" | "ask";
  readonly #answerMs: number;
  readonly #holders = new Map<string, Holder>();

  constructor({ sameUser = "allow", answerMs = ANSWER_MS }: SameUserOptions = {}) {
    this.#policy = sameUser;
    this.#answerMs = answerMs;
  }

  /** Makes `connection` that of the user. Dispose of the result at logout. Rejects with {@link DuplicateLogin}. */
  async enter(connection: Broker, who: unknown): Promise<Disposable> {
    if (this.#policy === "allow" || typeof who !== "string") return { [Symbol.dispose]: () => undefined };
    for (let holder = this.#other(connection, who); holder !== undefined; holder = this.#other(connection, who)) {
      if (this.#policy === "ask" && (await answers(holder, this.#answerMs)))
        throw new DuplicateLogin(`${who} is logged in already, from ${holder.peer.description}`);
      if (this.#policy === "ask") holder.terminate("unresponsive", new Error("its user logged in anew"));
      else holder.terminate("replaced", new Error(`from ${connection.peer.description}`));
    }
    const known = this.#holders.get(who);
    const holder = known?.connection === connection ? known : { connection, logins: new Set<Disposable>() };
    this.#holders.set(who, holder);
    const watch = connection.notifyOnDisconnect(() => this.#forget(who, holder));
    const login = {
      [Symbol.dispose]: () => {
        watch[Symbol.dispose]();
        holder.logins.delete(login);
        if (holder.logins.size === 0) this.#forget(who, holder);
      },
    };
    holder.logins.add(login);
    return login;
  }

  #forget(who: string, holder: Holder): void {
    if (this.#holders.get(who) === holder) this.#holders.delete(who);
  }

  #other(connection: Broker, who: string): Broker | undefined {
    const holder = this.#holders.get(who)?.connection;
    return holder === connection || holder?.isOpen !== true ? undefined : holder;
  }
}

async function answers(connection: Broker, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = after(ms, () => resolve(false))));
  const ping = connection.ping().then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([ping, late]);
  } finally {
    clearTimeout(timer);
  }
}
