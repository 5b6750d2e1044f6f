// Tells what a peer speaks that does not speak Banana, so that the error can say it.

/** More bytes are not needed to know. */
export const STRANGER_BYTES = 8;

const WORDS: readonly (readonly [string, string])[] = [
  ["GET ", "an HTTP request"],
  ["PUT ", "an HTTP request"],
  ["POST ", "an HTTP request"],
  ["HEAD ", "an HTTP request"],
  ["PATCH ", "an HTTP request"],
  ["TRACE ", "an HTTP request"],
  ["DELETE ", "an HTTP request"],
  ["OPTIONS ", "an HTTP request"],
  ["CONNECT ", "an HTTP request"],
  ["PRI * HT", "an HTTP/2 request"],
  ["HTTP/", "an HTTP response"],
  ["SSH-", "an SSH greeting"],
];

/**
 * What the first bytes of a stream are, if they are something well known: "an HTTP request", "a TLS hello", … No offer and no choice of a
 * dialect begins like any of these: they would be strings of more than 2,000 characters.
 */
export function describeStranger(first: Uint8Array): string | undefined {
  if (first.length >= 3 && first[1] === 3 && (first[2] ?? 9) <= 4) {
    if (first[0] === 0x16) return "a TLS hello";
    if (first[0] === 0x15) return "a TLS alert";
  }
  const text = String.fromCharCode(...first.subarray(0, STRANGER_BYTES));
  return WORDS.find(([word]) => text.startsWith(word))?.[1];
}
