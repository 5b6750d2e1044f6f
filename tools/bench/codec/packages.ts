/**
 * The codec of the packages, as a connection uses it. One file, so that it can be bundled, also from another checkout.
 */

import { BananaReader, BananaWriter, decode, encode, Scanner } from "@pb/banana";
import { Jellier, TypeRegistry, Unjellier } from "@pb/jelly-types";

export interface Codec {
  readonly write: (value: unknown) => Uint8Array;
  readonly read: (bytes: Uint8Array) => unknown;
}

/** Values, as `@pb/jelly-types` writes and reads them. The bytes that `write` returns are valid until the next call. */
export function valueCodec(): Codec {
  const registry = new TypeRegistry();
  const writer = new BananaWriter({ dialect: "pb" });
  const jellier = new Jellier(writer, { registry });
  const scanner = new Scanner({ dialect: "pb" });
  const reader = new BananaReader();
  const unjellier = new Unjellier({ registry });
  return {
    write(value) {
      jellier.writeGraph(value);
      return writer.takeView();
    },
    read(bytes) {
      scanner.lend(bytes);
      scanner.advance(reader);
      const value = unjellier.readGraph(reader);
      if (scanner.advance(reader)) throw new Error("More than one expression");
      return value;
    },
  };
}

/** Trees of numbers, bytes and lists: `encode` and `decode` of `@pb/banana`. */
export function treeCodec(): Codec {
  return {
    write: (tree) => encode(tree as Parameters<typeof encode>[0], { dialect: "pb" }),
    read: (bytes) => decode(bytes, { dialect: "pb" }),
  };
}
