// Groups IP addresses by the network that one user controls, for counting connections and failed logins.

/**
 * The network of an address: an IPv4 address is its own network, an IPv6 address belongs to its /64 (RFC 4291, section
 * 2.5.1), written as the first four groups. `address` is text as `inet_ntop` writes it (RFC 5952). An IPv4 address
 * mapped into IPv6 counts as IPv4.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address;
  const [front = [], back = []] = address.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(Math.max(8 - front.length - back.length, 0)).fill("0");
  return [...front, ...zeros, ...back].slice(0, 4).join(":");
}
