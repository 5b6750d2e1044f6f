// Names of TypeScript for classes and parameters of Python.

import type { PythonClass } from "./description.js";

/** What the generated file may import as types, by package. */
export const brokerTypes: readonly string[] = [
  ..."Avatar KwargsOf Parameters Referenceable RemoteReference Viewable".split(" "),
];
export const jellyTypes: readonly string[] = [
  ..."CalendarDate DateTime Decimal FrozenSet TimeDelta TimeOfDay Tuple".split(" "),
];

/** Names that the generated file uses otherwise. A class with one of these names gets a longer one. */
const OTHERS = [
  ..."AsyncIterable Map Object Record RemoteCache Set TypeRegistry Uint8Array registerCopies".split(" "),
  ..."any bigint boolean never null number object string symbol undefined unknown".split(" "),
];

const RESERVED = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof var void while with yield"
  ).split(" "),
);

/** One name for each class: that of Python, or one with its module if it is taken. */
export function typeNames(classes: readonly PythonClass[]): string[] {
  const taken = new Set([...brokerTypes, ...jellyTypes, ...OTHERS, ...RESERVED]);
  return classes.map(({ module, name }) => {
    const short = name.split(".").at(-1)!;
    const long = [...module.split(/[._]/), ...name.split(".").filter((part) => part !== "<locals>")]
      .map(capitalized)
      .join("");
    const candidates = [short, long, ...Array.from({ length: classes.length }, (_, index) => `${long}${index + 2}`)];
    const chosen = candidates.find((candidate) => !taken.has(candidate) && !taken.has(`${candidate}Parameters`))!;
    taken.add(chosen).add(`${chosen}Parameters`);
    return chosen;
  });
}

function capitalized(part: string): string {
  return part.charAt(0).toUpperCase() + part.slice(1);
}

/** The name of a parameter. One that is a word of TypeScript gets an underscore. */
export function parameterName(name: string): string {
  return RESERVED.has(name) ? `${name}_` : name;
}
