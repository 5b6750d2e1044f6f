// Finds the word that was probably meant by a misspelled one, for error messages.

/**
 * The word that is most similar to `word`: one that begins or ends with it, or one that at most a third of its
 * characters separate from it, by insertions, deletions, replacements and exchanges of neighbors. Undefined if there is
 * none. Case makes no difference.
 */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of words) {
    const difference = differenceOf(word.toLowerCase(), candidate.toLowerCase());
    if (difference < least) [best, least] = [candidate, difference];
  }
  return best;
}

/** Infinity for words that are not similar. */
function differenceOf(one: string, other: string): number {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  // A word of a peer or a program may be long, and the time is quadratic.
  if (long.length > 64) return Infinity;
  const isPart = short.length >= 3 && (long.startsWith(short) || long.endsWith(short));
  const distance = editDistance(short, long);
  return isPart || distance <= long.length / 3 ? distance : Infinity;
}

/** The Damerau-Levenshtein distance (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const isEqual = one[row - 1] === other[column - 1];
      let cost = Math.min(last![column]! + 1, current[column - 1]! + 1, last![column - 1]! + (isEqual ? 0 : 1));
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1])
        cost = Math.min(cost, before![column - 2]! + 1);
      current.push(cost);
    }
    [before, last] = [last!, current];
  }
  return last![other.length]!;
}
