// Connections grouped by network, and the networks ranked by how many they have, in constant time per change.

/** The networks and members of one kind. A network is the text that `networkOf` returns. */
export class Crowd<Member extends { readonly network: string }> {
  readonly #members = new Map<string, Set<Member>>();
  /** The networks with each number of members. In each set, the network that got this number first is the first. */
  readonly #ranks: Set<string>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of members of the network that has the most. */
  get highest(): number {
    return Math.max(this.#ranks.length - 1, 0);
  }

  has(member: Member): boolean {
    return this.#members.get(member.network)?.has(member) === true;
  }

  countOf(network: string): number {
    return this.#members.get(network)?.size ?? 0;
  }

  /** The members of a network, the oldest first. */
  membersOf(network: string): Iterable<Member> {
    return this.#members.get(network) ?? [];
  }

  /** A network with the most members. Undefined if there are none. */
  mostCrowded(): string | undefined {
    return first(this.#ranks.at(-1) ?? []);
  }

  /** The member of a network that was added first. */
  oldestOf(network: string | undefined): Member | undefined {
    return network === undefined ? undefined : first(this.membersOf(network));
  }

  add(member: Member): void {
    const { network } = member;
    const own = this.#members.get(network) ?? new Set<Member>();
    this.#members.set(network, own.add(member));
    this.#size++;
    this.#rank(network, own.size - 1, own.size);
  }

  /** Does nothing if the member was not added. */
  delete(member: Member): void {
    const { network } = member;
    const own = this.#members.get(network);
    if (own?.delete(member) !== true) return;
    if (own.size === 0) this.#members.delete(network);
    this.#size--;
    this.#rank(network, own.size + 1, own.size);
  }

  #rank(network: string, from: number, to: number): void {
    this.#ranks[from]?.delete(network);
    while (this.#ranks.length <= to) this.#ranks.push(new Set());
    if (to > 0) this.#ranks[to]!.add(network);
    while (this.#ranks.length > 1 && this.#ranks.at(-1)!.size === 0) this.#ranks.pop();
  }
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
