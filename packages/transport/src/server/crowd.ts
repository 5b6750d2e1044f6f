// Connections grouped by networks inside networks, each ranked by how many it has, in constant time per change.

/**
 * The members of one kind, by network. The networks of a member are those of `networksOf`, the widest first: each is
 * part of the one before.
 */
export class Crowd<Member extends { readonly networks: readonly string[] }> {
  readonly #depth: number;
  readonly #children = new Map<string, Crowd<Member> | Set<Member>>();
  /**
   * The networks with each number of members. In each set, the network that got this number first is the first. There
   * is no set for a number that no network has: one address may have thousands of connections.
   */
  readonly #ranks: (Set<string> | undefined)[] = [];
  #size = 0;

  /** `depth` is the number of networks that this one is inside of. */
  constructor(depth = 0) {
    this.#depth = depth;
  }

  get size(): number {
    return this.#size;
  }

  /** The number of members of the network that has the most. */
  get highest(): number {
    return Math.max(this.#ranks.length - 1, 0);
  }

  /** The members in a network, by the narrower networks if there are any. */
  within(networks: readonly string[]): Crowd<Member> | ReadonlySet<Member> | undefined {
    const child = this.#children.get(networks[this.#depth]!);
    return networks.length > this.#depth + 1 && child instanceof Crowd ? child.within(networks) : child;
  }

  countOf(networks: readonly string[]): number {
    return this.within(networks)?.size ?? 0;
  }

  has(member: Member): boolean {
    return this.#children.get(member.networks[this.#depth]!)?.has(member) === true;
  }

  /** A network with the most members. Undefined if there are none. */
  mostCrowded(): Crowd<Member> | ReadonlySet<Member> | undefined {
    return this.#children.get(first(this.#ranks.at(-1) ?? []) ?? "");
  }

  /** The member that was added first to the most crowded network, of those inside of it the most crowded, and so on. */
  oldest(): Member | undefined {
    return oldestOf(this.mostCrowded());
  }

  /** All members. */
  *[Symbol.iterator](): Generator<Member, void> {
    for (const child of this.#children.values()) yield* child;
  }

  add(member: Member): void {
    const network = member.networks[this.#depth]!;
    const isNarrowest = member.networks.length === this.#depth + 1;
    const child = this.#children.get(network) ?? (isNarrowest ? new Set<Member>() : new Crowd<Member>(this.#depth + 1));
    this.#children.set(network, child);
    child.add(member);
    this.#size++;
    this.#rank(network, child.size - 1, child.size);
  }

  /** Returns false if the member was not added. */
  delete(member: Member): boolean {
    const network = member.networks[this.#depth]!;
    const child = this.#children.get(network);
    if (child?.delete(member) !== true) return false;
    if (child.size === 0) this.#children.delete(network);
    this.#size--;
    this.#rank(network, child.size + 1, child.size);
    return true;
  }

  #rank(network: string, from: number, to: number): void {
    const ranks = this.#ranks;
    const left = ranks[from];
    left?.delete(network);
    if (left?.size === 0) ranks[from] = undefined;
    while (ranks.length <= to) ranks.push(undefined);
    if (to > 0) (ranks[to] ??= new Set()).add(network);
    while (ranks.length > 1 && ranks.at(-1) === undefined) ranks.pop();
  }
}

/** {@link Crowd.oldest}, also of members that are not in narrower networks. */
export function oldestOf<Member extends { readonly networks: readonly string[] }>(
  members: Crowd<Member> | ReadonlySet<Member> | undefined,
): Member | undefined {
  return members instanceof Crowd ? members.oldest() : first(members ?? []);
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
