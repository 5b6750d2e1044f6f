// Which pages may connect: a browser sends the origin of the page, and lets any page connect anywhere.

/** Decides about the header `Origin` of a request. */
export type OriginPolicy = (origin: string | undefined, host: string | undefined) => boolean;

/**
 * The policy for a list of origins such as `https://app.example.org`. `self` stands for the origin of the server, as the
 * header `Host` names it, and `*` for every origin. Requests without an origin are those of other programs, and are
 * always accepted. Throws `TypeError` for an entry that is not an origin.
 */
export function originPolicy(origins: readonly string[] = ["self"]): OriginPolicy {
  if (!Array.isArray(origins)) throw new TypeError("The option origins must be a list of origins");
  for (const entry of origins as readonly unknown[]) checkOrigin(entry);
  const allowed = new Set(origins);
  return (origin, host) => {
    if (origin === undefined || allowed.has("*") || allowed.has(origin)) return true;
    return allowed.has("self") && host !== undefined && isSameHost(origin, host);
  };
}

function checkOrigin(entry: unknown): void {
  if (entry === "*" || entry === "self" || entry === "null") return;
  if (typeof entry === "string" && URL.canParse(entry) && new URL(entry).origin === entry) return;
  throw new TypeError(
    `The option origins: expected an origin such as "https://example.org", "self" or "*", not ${JSON.stringify(entry)}`,
  );
}

/** Compares hosts and ports only: a proxy may speak TLS in place of the server. */
function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  const other = `${url.protocol}//${host}`;
  return URL.canParse(other) && new URL(other).host === url.host && url.host !== "";
}
