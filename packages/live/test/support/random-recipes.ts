// Random changes of a state, which can be made to a draft and to a plain copy of it alike.

export type Random = (below: number) => number;

/** Repeats the same numbers for the same seed. */
export function randomOf(seed: number): Random {
  let last = seed;
  return (below) => (last = (last * 48_271) % 0x7fff_ffff) % below;
}

type Container = Record<string, unknown> | unknown[];

/** Entries of a wide dict: a little more than those from which on a dict is wide. */
export const WIDE_ENTRIES = 530;

export function wideDict(random: Random): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: WIDE_ENTRIES }, (_, at) => [`k${at}`, valueOf(random, 1)]));
}

export function firstState(random: Random): Record<string, unknown> {
  return {
    wide: wideDict(random),
    deep: { inner: { wide: wideDict(random), x: 1 } },
    list: Array.from({ length: 20 }, () => valueOf(random, 0)),
    lists: [[wideDict(random)], { wide: wideDict(random) }],
    small: { a: { b: { c: 1 } }, d: "text" },
  };
}

function valueOf(random: Random, depth: number): unknown {
  const kind = random(depth > 1 ? 5 : 8);
  if (kind < 5) return [null, true, random(9), `t${random(9)}`, -0.5][kind];
  if (kind === 5) return Array.from({ length: random(4) }, () => valueOf(random, depth + 1));
  return Object.fromEntries(Array.from({ length: random(4) }, () => [keyOf(random), valueOf(random, depth + 1)]));
}

const keyOf = (random: Random): string => ["a", "b", "c", "x", "7", "constructor"][random(6)]!;

/**
 * Changes a state with some steps. The same `random` makes the same changes of equal states. `look` is called with the
 * state between steps.
 */
export function changeRandomly(state: object, random: Random, look: (state: object) => void): void {
  for (let steps = 1 + random(6); steps > 0; steps--) {
    step(state as Container, random);
    if (random(4) === 0) look(state);
  }
}

function step(state: Container, random: Random): void {
  const container = containerIn(state, random);
  if (Array.isArray(container)) changeList(container, state, random);
  else changeDict(container, state, random);
}

/** Some list or dict, at most four levels below. */
function containerIn(state: Container, random: Random): Container {
  let container = state;
  for (let level = 1 + random(4); level > 0; level--) {
    const next: unknown = Array.isArray(container)
      ? container[random(Math.max(1, container.length))]
      : container[existingKey(container, random)];
    if (typeof next !== "object" || next === null) break;
    container = next as Container;
  }
  return container;
}

/** A key that a wide dict may have, which is found without a look at all of them. */
function existingKey(dict: Record<string, unknown>, random: Random): string {
  if ("k0" in dict || "k1" in dict) return `k${random(WIDE_ENTRIES)}`;
  const keys = Object.keys(dict);
  return keys.length === 0 ? "a" : keys[random(keys.length)]!;
}

function changeDict(dict: Record<string, unknown>, state: Container, random: Random): void {
  const isTop = dict === state;
  const key = isTop ? ["e", "f"][random(2)]! : random(2) === 0 ? existingKey(dict, random) : `n${random(6)}`;
  switch (random(isTop ? 4 : 7)) {
    case 0:
      dict[key] = valueOf(random, 0);
      break;
    case 1: {
      // An object of the program, which it still changes, and in which it puts a part of the state.
      const own: Record<string, unknown> = { x: valueOf(random, 1) };
      dict[key] = own;
      own.y = random(5);
      if (isTop) own.part = partOf(state, random);
      break;
    }
    case 2:
      if (isTop) dict[key] = partOf(state, random);
      else dict[key] = dict[existingKey(dict, random)] ?? null;
      break;
    case 3:
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- what a recipe does
      delete dict[key];
      break;
    case 4: {
      const value = dict[key] ?? 0;
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- what a recipe does
      delete dict[key];
      dict[key] = value; // It comes last.
      break;
    }
    case 5:
      for (const value of Object.values(dict)) if (isDict(value) && random(3) === 0) value.seen = random(100);
      break;
    default:
      dict[key] = random(50);
  }
}

/** A part of the state that is not around the place to which it goes. */
function partOf(state: Container, random: Random): unknown {
  const { wide, deep, list, small } = state as Record<string, Record<string, unknown>>;
  return [wide, deep?.inner, list, small?.a, wide?.[`k${random(WIDE_ENTRIES)}`]][random(5)] ?? null;
}

function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function changeList(list: unknown[], state: Container, random: Random): void {
  const index = random(list.length + 1);
  switch (random(9)) {
    case 0:
      list.push(valueOf(random, 0), random(9));
      break;
    case 1:
      change(list.pop(), random);
      break;
    case 2:
      change(list.shift(), random);
      break;
    case 3:
      list.unshift(valueOf(random, 1));
      break;
    case 4:
      for (const removed of list.splice(index, random(3), random(9))) change(removed, random);
      break;
    case 5:
      list.sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)));
      break;
    case 6:
      list.reverse();
      break;
    case 7:
      list.length = index;
      break;
    default:
      if (index < list.length) list[index] = random(2) === 0 ? random(9) : (state as { small?: unknown }).small;
  }
}

/** Changes an item that was removed: nothing of the state may change. */
function change(removed: unknown, random: Random): void {
  if (isDict(removed)) removed.gone = random(9);
}
