// Groups IP addresses by the networks that one user may control, for counting connections and failed logins.

/**
 * The networks of an address, the narrowest first. An IPv4 address is its own network. An IPv6 address belongs to a
 * /64, which is what one link has, and to a /56 and a /48, which are what providers give to one customer (RFC 6177).
 * Such a customer could otherwise act as hundreds of users. Count in all of the networks, and allow more in the wider
 * ones: they may also belong to many users.
 *
 * `address` is text as `inet_ntop` writes it (RFC 5952), or any other form of RFC 4291. An IPv4 address that is
 * contained in an IPv6 address, mapped (`::ffff:0:0/96`) or translated (NAT64, `64:ff9b::/96`, RFC 6052), counts as
 * IPv4. Text that is not an address is a network of its own.
 */
export function networksOf(address: string): readonly string[] {
  const groups = groupsOf(address);
  if (groups === undefined) return [address];
  const [a, b, c, d, , , high, low] = groups as [number, number, number, number, number, number, number, number];
  if (IPV4_PREFIXES.includes(hex(groups.slice(0, 6)))) return [[high >> 8, high & 255, low >> 8, low & 255].join(".")];
  return [`${hex([a, b, c, d])}/64`, `${hex([a, b, c, d & 0xff00])}/56`, `${hex([a, b, c])}/48`];
}

/** The first six groups of IPv6 addresses that contain an IPv4 address. */
const IPV4_PREFIXES: readonly string[] = ["0:0:0:0:0:ffff", "64:ff9b:0:0:0:0"];

/** The eight groups of an IPv6 address. Undefined for an IPv4 address and for other text. */
function groupsOf(address: string): readonly number[] | undefined {
  const [text = ""] = address.split("%"); // without the zone
  if (!text.includes(":")) return undefined;
  const [front = [], back = []] = text.split("::").map((half) => half.split(":").flatMap(groupsIn));
  const groups = [...front, ...Array<number>(Math.max(8 - front.length - back.length, 0)).fill(0), ...back];
  return groups.length === 8 && groups.every((group) => group <= 0xffff) ? groups : undefined;
}

/** The groups of one part between colons: none if it is empty, two if it is an IPv4 address. */
function groupsIn(part: string): number[] {
  if (part === "") return [];
  if (!part.includes(".")) return [parseInt(part, 16)];
  const [a = NaN, b = NaN, c = NaN, d = NaN] = part.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

const hex = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(":");
