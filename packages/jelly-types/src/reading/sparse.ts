// Keys that are array indices, which engines treat in their own way.

/** The largest array index. */
const LARGEST_INDEX = 2 ** 32 - 2;

/** Whether a text is an array index: digits without a leading zero. */
export function isIndex(text: string): boolean {
  return text.charCodeAt(0) <= 57 && isIndexText(text); // Almost all names begin with a letter.
}

function isIndexText(text: string): boolean {
  return text.length <= 10 && /^(0|[1-9]\d*)$/.test(text) && Number(text) <= LARGEST_INDEX;
}

/**
 * Call before the first index that a peer has chosen is set in `object`; returns true. V8 keeps them in an array with
 * room for all smaller indices: the key `1023` alone would take 12 KB. An index that is set and deleted makes it keep
 * them in a hash table.
 */
export function makeSparse(object: object): true {
  const isBare = Object.getPrototypeOf(object) === null;
  // A third faster, when no prototype has a setter that this could call.
  if (isBare) (object as Record<number, unknown>)[LARGEST_INDEX] = 0;
  if (isBare || Reflect.defineProperty(object, LARGEST_INDEX, { value: 0, configurable: true }))
    Reflect.deleteProperty(object, LARGEST_INDEX);
  return true;
}
