// Compares a generated file with what it should be.

/**
 * The declarations that differ, such as `Shop changed: - remote_find(id: string): string;`. The first comment, the
 * form of white space, quotes and trailing commas do not count: a formatter may have changed them.
 */
export function differences(present: string, wanted: string): string[] {
  const before = declarationsOf(present);
  const after = declarationsOf(wanted);
  const names = new Set([...after.keys(), ...before.keys()]);
  return [...names].flatMap((name) => {
    const [old, current] = [before.get(name), after.get(name)];
    if (old === undefined) return [`${name} is missing`];
    if (current === undefined) return [`${name} does not exist in Python any more`];
    return canonical(old) === canonical(current) ? [] : [`${name} has changed${changedMembers(old, current)}`];
  });
}

/** The text of each exported declaration, and of the imports, with the comment before it. */
function declarationsOf(file: string): Map<string, string> {
  const found = new Map<string, string>();
  const body = file.replace(/^(?:\s*(?:\/\/.*|\/\*(?!\*).*\*\/)\r?\n)*/, "");
  for (const part of body.split(/^(?=\/\*\*|export )/m)) {
    const comment = found.get("") ?? "";
    const [, name] =
      /^export (?:abstract )?(?:interface|class|type|const|function) ([\p{L}\p{N}_$]+)/u.exec(part) ?? [];
    if (name !== undefined) {
      found.set(name, comment + part);
      found.set("", "");
    } else if (part.startsWith("/**")) found.set("", part);
    else if (part.trim() !== "") found.set("The imports", part);
  }
  found.delete("");
  return found;
}

function canonical(text: string): string {
  return text
    .replace(/\s*\}?[\s;]*$/, "")
    .replaceAll(/\s+/g, "")
    .replaceAll("'", '"')
    .replaceAll(/[,;](?=[)\]}>])/g, "")
    .replaceAll(/(?<=[(:<=])\|/g, "");
}

/** The first members that only one of the texts has. A formatter may have divided them into several lines. */
function changedMembers(old: string, current: string): string {
  const members = (text: string): Map<string, string> =>
    new Map(membersOf(text).map((member) => [canonical(member), oneLine(member)]));
  const [before, after] = [members(old), members(current)];
  const only = (mark: string, some: Map<string, string>, other: Map<string, string>): string[] =>
    [...some].filter(([key]) => !other.has(key)).map(([, member]) => `\n  ${mark} ${member}`);
  return [...only("-", before, after), ...only("+", after, before)].slice(0, 6).join("");
}

/** The parts that begin with the indentation of the first member. */
function membersOf(declaration: string): string[] {
  const [, indent = ""] = /^([ \t]+)[^\s*]/m.exec(declaration) ?? [];
  return declaration.split(new RegExp(`\\r?\\n(?=${indent}[^\\s)*])`));
}

/** A member without the end of its declaration. */
function oneLine(member: string): string {
  return member
    .replaceAll(/\s+/g, " ")
    .replace(/;?\s*\}?[\s;]*$/, ";")
    .trim();
}
