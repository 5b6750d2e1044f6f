// Who counts as one, where attempts and connections are counted by address.

/**
 * What one user has of addresses: one of IPv4; of IPv6 a network of 2^64 (RFC 4291, 2.5.1), the first four groups of the address. The address is text as
 * inet_ntop writes it (RFC 5952); IPv4 mapped into IPv6 is IPv4.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address;
  const [front = [], back = []] = address.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups = [...front, ...Array<string>(Math.max(8 - front.length - back.length, 0)).fill("0"), ...back];
  return groups.slice(0, 4).join(":");
}
