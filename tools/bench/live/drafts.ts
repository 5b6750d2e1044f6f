/**
 * npm run bench -- drafts: what makes the next state from a draft, one update each: the drafts of `@pb/live` beside two
 * libraries, and what these say has changed beside the comparison of states that `@pb/live` uses for its patches.
 */
import { enablePatches, produce, produceWithPatches } from "immer";
import { create } from "mutative";
import { diff } from "../../../packages/live/src/state/diff.js";
import { applyRecipe } from "../../../packages/live/src/state/recipe.js";

interface State {
  readonly players: Record<string, { x: number }>;
  readonly list: { id: number }[];
}

type Recipe = (state: State) => void;

/** Changes of a state with `size` players and items. */
function recipes(size: number): Record<string, Recipe> {
  return {
    "set one field": (draft) => void (draft.players[`p${size >> 1}`]!.x += 1.5),
    "add an item at the end": (draft) => void draft.list.push({ id: -1 }),
    "remove the first item": (draft) => void draft.list.shift(),
  };
}

/** Each makes the next state, and returns it with the number of operations in its patch. */
const ways: Record<string, (state: State, recipe: Recipe) => readonly [state: State, operations: number | undefined]> =
  {
    immer: (state, recipe) => [produce(state, recipe), undefined],
    "immer with patches": (state, recipe) => {
      const [next, patches] = produceWithPatches(state, recipe);
      return [next, patches.length];
    },
    mutative: (state, recipe) => [create(state, recipe), undefined],
    "mutative with patches": (state, recipe) => {
      const [next, patches] = create(state, recipe, { enablePatches: true });
      return [next, patches.length];
    },
    "@pb/live": (state, recipe) => [applyRecipe(state, recipe), undefined],
    "@pb/live with its diff": (state, recipe) => {
      const next = applyRecipe(state, recipe);
      return [next, diff(state, next).length];
    },
  };

export function benchDrafts(rounds: number): void {
  enablePatches();
  for (const size of [100, 10_000]) {
    for (const [what, recipe] of Object.entries(recipes(size))) {
      console.log(`\n${what}, of ${size}:`);
      for (const [name, way] of Object.entries(ways)) {
        const before = frozen(size);
        const times = Array.from({ length: 5 * rounds }, () => microseconds(() => way(before, recipe)));
        const [median] = times.sort((a, b) => a - b).slice(times.length >> 1);
        const operations = way(before, recipe)[1];
        const note = operations === undefined ? "" : `  ${operations} operations`;
        console.log(`  ${median!.toFixed(0).padStart(7)} µs  ${name.padEnd(32)}${note}`);
      }
    }
  }
}

function microseconds(run: () => unknown): number {
  const start = performance.now();
  run();
  return 1000 * (performance.now() - start);
}

function frozen(size: number): State {
  const numbers = Array.from({ length: size }, (_, number) => number);
  const players = Object.fromEntries(numbers.map((x) => [`p${x}`, Object.freeze({ x })]));
  const list = numbers.map((id) => Object.freeze({ id }));
  return Object.freeze({ players: Object.freeze(players), list: Object.freeze(list) as { id: number }[] });
}
