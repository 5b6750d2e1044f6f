/** The values that the codec benches encode and decode: all of them exist in JSON, MessagePack and CBOR, too. */

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

const sentence = "The quick brown fox jumps over the lazy dog, again and again, until the string is long enough. ";

export const payloads: Record<string, Plain> = {
  "small call": {
    method: "transfer",
    args: ["checking", "savings", 1250, true, null],
    keywords: { memo: "rent for November", urgent: false },
  },
  "nested record": {
    version: 3,
    customer: { id: 8817, name: "Zoë Müller", email: "zoe@example.org", active: true, credit: 1250.75 },
    items: Array.from({ length: 10 }, (_, index) => ({
      sku: `A-${1000 + 37 * index}`,
      title: `Widget number ${index}`,
      quantity: 1 + (index % 4),
      price: 9.95 + index,
      tags: ["new", index % 2 === 0 ? "sale" : "regular"],
      dimensions: { width: 10 + index, height: 20, depth: 5.5 },
      inStock: index % 3 !== 0,
      note: null,
    })),
  },
  "10,000 integers": Array.from({ length: 10_000 }, (_, index) => (index * 7919) % 1_000_003),
  "100,000 integers": Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 1_000_003),
  "10,000 dicts": Array.from({ length: 10_000 }, (_, index) => ({ id: index, name: `item ${index}`, done: false })),
  "100 strings of 4 kB": Array.from({ length: 100 }, (_, index) => `${index} ${sentence.repeat(50)}`.slice(0, 4096)),
};
