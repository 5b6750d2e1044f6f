import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BananaError,
  BananaReader,
  BananaWriter,
  decode,
  encode,
  EntryHead,
  Float,
  ListHead,
  none,
  pb,
  readExpression,
  ScalarPatterns,
  Scanner,
  TreeReader,
  TreeWriter,
  writeExpression,
} from "@pb/banana";
import type { Expression, ExpressionReader, ExpressionWriter } from "@pb/banana";
import { dialect, expression, nearBanana } from "../helpers/arbitraries.js";
import { hex, toHex } from "../helpers/tagged.js";

function readerOf(bytes: Uint8Array, spoken: "pb" | "none" = "none"): ExpressionReader {
  const scanner = new Scanner({ dialect: spoken });
  scanner.push(bytes);
  const reader = new BananaReader();
  expect(scanner.advance(reader)).toBe(true);
  return reader;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Both implementations of `ExpressionReader`, for the same expression. */
function readers(value: Expression, spoken: "pb" | "none" = "pb"): ExpressionReader[] {
  return [readerOf(encode(value, { dialect: spoken }), spoken), new TreeReader(value)];
}

describe("both readers, for the same expression", () => {
  test("read the same tree", () => {
    fc.assert(
      fc.property(expression, dialect, (value, spoken) => {
        for (const reader of readers(value, spoken)) expect(readExpression(reader)).toStrictEqual(value);
      }),
    );
  });

  test("skip the same elements", () => {
    fc.assert(
      fc.property(fc.array(expression, { maxLength: 5 }), dialect, (values, spoken) => {
        for (const reader of readers([...values, 7], spoken)) {
          reader.list();
          for (let left = values.length; left > 0; left--) reader.skip();
          expect(reader.integer()).toBe(7);
        }
      }),
    );
  });

  test("refuse an element of another kind", () => {
    const value = [1, 1.5, utf8("x"), []];
    const kinds = ["integer", "float", "bytes", "list"] as const;
    for (let which = 0; which < 2; which++) {
      for (const [index, kind] of kinds.entries()) {
        for (const method of ["integer", "float", "exactFloat", "bytes", "word", "text", "list"] as const) {
          const fits = {
            integer: ["integer"],
            float: ["float", "exactFloat"],
            bytes: ["bytes", "word", "text"],
            list: ["list"],
          };
          const reader = readers(value)[which]!;
          reader.list();
          for (let left = index; left > 0; left--) reader.skip();
          if (fits[kind].includes(method)) reader[method]();
          else expect(() => reader[method]()).toThrow(expect.objectContaining({ code: "BANANA_UNEXPECTED_KIND" }));
        }
      }
    }
  });

  test("read words and text of every length, ASCII and other, repeatedly", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ maxLength: 70 }), fc.string({ unit: "binary", maxLength: 40 }))),
        (texts) => {
          const value = [...texts, ...texts].map((text) => utf8(text));
          for (const reader of readers(value)) {
            reader.list();
            for (const text of texts) expect(reader.text()).toBe(text);
            for (const text of texts)
              expect(utf8(reader.word().replace(/[^\x00-\x7f]/g, "")).length).toBeLessThanOrEqual(utf8(text).length); // eslint-disable-line no-control-regex
          }
          const reader = readerOf(encode(value));
          reader.list();
          for (const text of texts) expect(reader.word()).toBe(Buffer.from(text).toString("latin1"));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("refuse bytes that are not UTF-8", () => {
    for (const bad of ["ff", "61ff", "c3", "eda080", "c080", "f5808080", `${"61".repeat(50)}ff`]) {
      for (const reader of readers(hex(bad))) {
        expect(() => reader.text()).toThrow(expect.objectContaining({ code: "BANANA_BAD_UTF8" }));
      }
    }
  });

  test("keep characters that a lenient decoder would change", () => {
    for (const text of [
      "\ufeffbyte order mark",
      "\ufffd",
      `a replacement ${"\ufffd".repeat(20)}`,
      "\0",
      "\u{10ffff}",
    ]) {
      for (const reader of readers(utf8(text))) expect(reader.text()).toBe(text);
    }
  });
});

describe("begins", () => {
  const heads = ["None", "x", "unicode", "boolean", "abc", "twelve bytes", "x".repeat(127)].map(
    (word) => new ListHead(2, word),
  );
  test("reads the head and the word of a matching list, and nothing of any other list", () => {
    for (const spoken of ["pb", "none"] as const) {
      for (const head of heads) {
        for (const other of heads) {
          for (const reader of readers([[utf8(other.word), 5], [utf8(other.word)], 3], spoken)) {
            reader.list();
            if (reader.begins(head)) {
              expect(other).toBe(head);
              expect(reader.integer()).toBe(5);
            } else {
              expect(other).not.toBe(head);
              expect((readExpression(reader) as Expression[]).length).toBe(2);
            }
            expect(reader.begins(head)).toBe(false);
            reader.skip();
            expect(reader.begins(head)).toBe(false);
            expect(reader.integer()).toBe(3);
          }
        }
      }
    }
  });

  test("reads what begin writes", () => {
    for (const spoken of ["pb", "none"] as const) {
      for (const head of heads) {
        const [once, twice] = [new BananaWriter({ dialect: spoken }), new BananaWriter({ dialect: spoken })];
        const tree = new TreeWriter();
        for (const writer of [once, tree] as ExpressionWriter[]) {
          writer.list(2);
          for (let time = 0; time < 2; time++) {
            writer.begin(head);
            writer.integer(1);
          }
        }
        const value: Expression = [
          [utf8(head.word), 1],
          [utf8(head.word), 1],
        ];
        writeExpression(twice, value);
        expect(toHex(once.take())).toBe(toHex(twice.take()));
        expect(tree.take()).toStrictEqual(value);
      }
    }
  });

  test.each([
    [0, "x"],
    [128, "x"],
    [1.5, "x"],
    [1, ""],
    [1, "é"],
    [1, "x".repeat(128)],
  ])("ListHead refuses the length %d with the word %s", (length, word) => {
    expect(() => new ListHead(length, word)).toThrow(TypeError);
  });
});

test("integers reads consecutive integers, from the given index on", () => {
  const row = [0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 2 ** 31 - 1, -1, -128, 5];
  for (const reader of readers([...row, utf8("x"), 1])) {
    const into: unknown[] = new Array(reader.list());
    let index = 0;
    while (index < row.length) {
      index = reader.integers(into, index);
      if (index < row.length) into[index++] = reader.integer();
    }
    expect(reader.integers(into, index)).toBe(index);
    expect(reader.text()).toBe("x");
    expect(into.slice(0, row.length)).toStrictEqual(row);
    expect(reader.integers(new Array(1), 1)).toBe(1);
    expect(reader.integer()).toBe(1);
  }
});

test("rewind moves a reader of bytes back to an offset", () => {
  const scanner = new Scanner();
  scanner.push(encode([1]));
  scanner.push(encode([utf8("ab"), [utf8("cd"), 2.5], 70000, [utf8("cd")]]));
  scanner.next();
  const reader = new BananaReader();
  expect(scanner.advance(reader)).toBe(true);
  expect(reader.list()).toBe(4);
  expect(reader.word()).toBe("ab");
  const { offset } = reader;
  const read = () => [reader.list(), reader.word(), reader.float(), reader.integer(), reader.list(), reader.word()];
  const first = read();
  reader.rewind(offset);
  expect(reader.kind()).toBe("list");
  expect(read()).toEqual(first);
});

describe("a reader of bytes that were not scanned", () => {
  const reset = (bytes: Uint8Array) => new BananaReader().reset(bytes, 0, bytes.length, pb, 100);

  test("throws at the end, and never reads beyond it", () => {
    fc.assert(
      fc.property(nearBanana, (bytes) => {
        const larger = Buffer.concat([bytes, Buffer.from("0581058105828282828282", "hex")]);
        const outcomes = [bytes, larger].map((each) => {
          const reader = new BananaReader().reset(each, 0, bytes.length, none, 0);
          try {
            return readExpression(reader);
          } catch (error) {
            if (!(error instanceof BananaError)) throw error;
            return [error.code, error.offset];
          }
        });
        expect(outcomes[0]).toStrictEqual(outcomes[1]);
      }),
      { numRuns: 2000 },
    );
  });

  test("reports offsets in the stream", () => {
    expect(() => reset(hex("0582616263")).text()).toThrow(
      expect.objectContaining({ code: "BANANA_TRUNCATED", offset: 100 }),
    );
    expect(() => reset(hex("0190")).kind()).toThrow(expect.objectContaining({ code: "BANANA_UNKNOWN_TYPE" }));
    expect(() => reset(hex("2087")).word()).toThrow(expect.objectContaining({ code: "BANANA_UNKNOWN_WORD" }));
    expect(() => reset(hex("404f2480")).list()).toThrow(expect.objectContaining({ code: "BANANA_TRUNCATED" }));
    expect(() => reset(hex("7f7f7f7f7f82")).skip()).toThrow(expect.objectContaining({ code: "BANANA_TRUNCATED" }));
  });

  test("copies byte strings from a Node Buffer", () => {
    const buffer = Buffer.from("0382616263", "hex");
    const copy = reset(buffer).bytes();
    buffer.fill(0);
    expect(toHex(copy)).toBe("616263");
    expect(copy.buffer.byteLength).toBe(3);
  });

  test("refuses the number of a word that is one of the dialect only in its lowest 32 bits", () => {
    for (const [bytes, isKnown] of [
      [hex("0187"), true],
      [hex("010000001087"), false], // 2 ** 32 + 1
    ] as const) {
      const read = () => new BananaReader().reset(bytes, 0, bytes.length, pb, 0).word();
      if (isKnown) expect(read()).toBe(pb.vocabulary?.word(1));
      else expect(read).toThrow(expect.objectContaining({ code: "BANANA_UNKNOWN_WORD" }));
    }
  });

  test("refuses a word of more than 64 kB", () => {
    expect(() => readerOf(encode(new Uint8Array(65_537))).word()).toThrow(
      expect.objectContaining({ code: "BANANA_BAD_WORD" }),
    );
    expect(readerOf(encode(new Uint8Array(65_536).fill(65))).word()).toBe("A".repeat(65_536));
  });
});

describe("Float", () => {
  test("keeps the bits of a NaN, and refuses other bits", () => {
    expect(toHex(encode(new Float(NaN, 0x7ff4000000000000n)))).toBe("847ff4000000000000");
    for (const bits of [0n, 0x7ff0000000000000n, 0x3ff0000000000000n, -1n, 1n << 64n]) {
      expect(() => new Float(NaN, bits)).toThrow(TypeError);
    }
    expect(() => new Float(1, 0x7ff8000000000000n)).toThrow(TypeError);
  });

  test("a NaN number is always written with the same bits", () => {
    const odd = new Float64Array(new BigUint64Array([0xfff8123400000000n]).buffer)[0]!;
    expect(toHex(encode(odd))).toBe("847ff8000000000000");
  });

  test("converts to its number", () => {
    expect(Number(new Float(2))).toBe(2);
    expect(String(new Float(2))).toBe("2.0");
    expect(readerOf(encode(new Float(2))).float()).toBe(2);
    expect(new TreeReader(new Float(2)).float()).toBe(2);
    expect(decode(encode(2.5))).toBe(2.5);
  });
});

describe("keyAfter", () => {
  const UNICODE = new ListHead(2, "unicode");
  const pair = (key: Expression): Expression => [[utf8("unicode"), key], 7];

  test("reads a key that is short and ASCII", () => {
    const reader = readerOf(encode(pair(utf8("name"))));
    expect(reader.keyAfter(UNICODE)).toBe("name");
    expect(reader.integer()).toBe(7);
  });

  test.each<[string, Expression, "pb" | "none"]>([
    ["a long key", pair(utf8("x".repeat(33))), "none"],
    ["a key that is not ASCII", pair(utf8("Zoë")), "none"],
    ["a key that is a vocabulary word", pair(utf8("version")), "pb"],
    ["a key that may be an array index", pair(utf8("1023")), "none"],
    ["a key of another kind", [[utf8("boolean"), utf8("true")], 7], "none"],
    ["a list of three", [[utf8("unicode"), utf8("name")], 7, 8], "none"],
    ["an integer", 7, "none"],
  ])("does not move for %s", (_, expression, spoken) => {
    const reader = readerOf(encode(expression, { dialect: spoken }), spoken);
    expect(reader.keyAfter(UNICODE)).toBeUndefined();
    expect(reader.offset).toBe(0);
    expect(readExpression(reader)).toEqual(expression);
  });

  test("does not read beyond the end of the bytes", () => {
    const bytes = encode(pair(utf8("name")));
    for (let end = 0; end < bytes.length - 2; end++) {
      const reader = new BananaReader().reset(bytes, 0, end, none, 0);
      expect(reader.keyAfter(UNICODE)).toBeUndefined();
    }
  });
});

describe("skipKey", () => {
  const UNICODE = new ListHead(2, "unicode");
  const pair = (key: string): Uint8Array => encode([[utf8("unicode"), utf8(key)], 7]);
  const keys = ["n", "name", "names", "namenamen", "namenamenamename", "names-of-17-bytes"];

  test.each(keys)("moves to the value of %s, and of no other key", (key) => {
    const entry = new EntryHead(UNICODE, key);
    for (const other of [...keys, "m", "nam_", "-ame", "namename-", "name-amenamename", "namenamenamenam", "nämé"]) {
      const reader = readerOf(pair(other));
      expect(reader.skipKey!(entry), other).toBe(other === key);
      if (other !== key) expect(reader.offset).toBe(0);
      else expect(reader.integer()).toBe(7);
    }
  });

  test.each(["", "Zoë", "\0\0\0\0\0\0\0\0\0", "x".repeat(18), "\x7f"])(
    "moves for no key that cannot be prepared: %j",
    (key) => {
      expect(readerOf(pair(key)).skipKey!(new EntryHead(UNICODE, key))).toBe(false);
    },
  );

  test("does not read beyond the end of the bytes", () => {
    const bytes = pair("name");
    for (let end = 0; end < bytes.length - 2; end++) {
      const reader = new BananaReader().reset(bytes, 0, end, none, 0);
      expect(reader.skipKey(new EntryHead(UNICODE, "name"))).toBe(false);
    }
  });
});

describe("keyHash", () => {
  const UNICODE = new ListHead(2, "unicode");
  const hashOf = (key: string, value: number): number =>
    readerOf(encode([[utf8("unicode"), utf8(key)], value])).keyHash!(UNICODE);

  test.each(["x", "id", "key", "name", "a-key-of-20-letters."])("is the same for %j whatever the value", (key) => {
    expect(new Set([0, 1, 77, 127, 128, 5_000, 2 ** 40].map((value) => hashOf(key, value))).size).toBe(1);
  });

  test("differs for most keys", () => {
    const hashes = Array.from({ length: 1000 }, (_, index) => hashOf(`key${index}`, 1));
    expect(Math.min(...hashes)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...hashes)).toBeLessThan(1024);
    expect(new Set(hashes).size).toBeGreaterThan(500); // 632 for random numbers
  });

  test("reads any bytes, and does not move", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 20 }), nearBanana), (bytes) => {
        const reader = new BananaReader().reset(bytes, 0, bytes.length, pb, 0);
        expect(reader.keyHash(UNICODE)).toBeLessThan(1024);
        expect(reader.offset).toBe(0);
      }),
    );
  });
});

describe("shortInteger", () => {
  test("reads what integer reads, or nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 9 }), nearBanana), (bytes) => {
        const [short, long] = [0, 1].map(() => new BananaReader().reset(bytes, 0, bytes.length, pb, 0));
        const value = short!.shortInteger();
        if (value !== undefined) expect(value).toBe(long!.integer());
        expect(short!.offset).toBe(long!.offset);
      }),
    );
  });

  test.each([0, 1, 127, 128, 16_384, 2 ** 21 - 1])("reads %d", (value) => {
    expect(new BananaReader().reset(encode([value, 0]), 2, encode([value, 0]).length, none, 0).shortInteger()).toBe(
      value,
    );
  });
});

describe("scalar", () => {
  const patterns = new ScalarPatterns(new ListHead(2, "unicode"), new ListHead(2, "boolean"), new ListHead(1, "None"));
  const list = (...words: string[]): Expression => words.map((word) => utf8(word));
  const padding: Expression = new Uint8Array(20);

  function readerOfFirst(value: Expression, spoken: "pb" | "none"): BananaReader {
    const bytes = encode([value, padding], { dialect: spoken });
    const reader = new BananaReader().reset(bytes, 0, bytes.length, spoken === "pb" ? pb : none, 0);
    reader.list();
    return reader;
  }

  describe.each(["pb", "none"] as const)("in dialect %s", (spoken) => {
    test.each<[string, Expression, unknown]>([
      ["zero", 0, 0],
      ["an integer of one digit", 127, 127],
      ["an integer of two digits", 16_383, 16_383],
      ["a float", 2.5, 2.5],
      ["a float that is a whole number", new Float(2), 2],
      ["an empty text", list("unicode", ""), ""],
      ["a short ASCII text", list("unicode", "hello"), "hello"],
      ["a long text", list("unicode", "x".repeat(300)), "x".repeat(300)],
      ["a text that is not ASCII", list("unicode", "Zoë"), "Zoë"],
      ["true", list("boolean", "true"), true],
      ["false", list("boolean", "false"), false],
      ["null", list("None"), null],
    ])("reads %s and moves to the next element", (_, value, expected) => {
      const reader = readerOfFirst(value, spoken);
      expect(reader.scalar(patterns)).toBe(expected);
      expect(reader.bytes()).toStrictEqual(padding);
    });

    test.each<[string, Expression]>([
      ["a word that differs in the middle", list("unixode", "hello")],
      ["a list of three", list("unicode", "hello", "again")],
      ["neither true nor false", list("boolean", "truth")],
      ["a word that only begins with false", list("boolean", "falsy")],
      ["another list of one", list("none")],
      ["an empty list", []],
      ["a negative integer", -1],
      ["a large integer", 2n ** 70n],
      ["a byte string", utf8("unicode")],
    ])("returns undefined for %s and does not move", (_, value) => {
      const reader = readerOfFirst(value, spoken);
      const { offset } = reader;
      expect(reader.scalar(patterns)).toBeUndefined();
      expect(reader.offset).toBe(offset);
      expect(readExpression(reader)).toEqual(value);
    });

    test.each<[string, Expression, string]>([
      ["a text that is an integer", 5, "BANANA_UNEXPECTED_KIND"],
      ["a text that is a list", [], "BANANA_UNEXPECTED_KIND"],
      ["a text that is not UTF-8", hex("ff"), "BANANA_BAD_UTF8"],
    ])("throws for %s", (_, text, code) => {
      const reader = readerOfFirst([utf8("unicode"), text], spoken);
      expect(() => reader.scalar(patterns)).toThrow(expect.objectContaining({ code }));
    });

    test("throws for a text that is incomplete", () => {
      const bytes = encode(list("unicode", "hello, hello"), { dialect: spoken });
      for (let end = 17; end < bytes.length; end++) {
        const reader = new BananaReader().reset(bytes, 0, end, spoken === "pb" ? pb : none, 0);
        expect(() => reader.scalar(patterns)).toThrow(expect.objectContaining({ code: "BANANA_TRUNCATED" }));
      }
    });

    test("reads nothing beyond the end of the bytes", () => {
      for (const value of [5, 300, 2.5, list("boolean", "false"), list("None")]) {
        const bytes = encode([value, value, value], { dialect: spoken });
        const size = (bytes.length - 2) / 3;
        for (let end = 2; end < bytes.length; end++) {
          const reader = new BananaReader().reset(bytes, 2, end, spoken === "pb" ? pb : none, 0);
          let elements = 0;
          while (reader.scalar(patterns) !== undefined) elements++;
          expect(reader.offset).toBe(elements * size);
          expect(elements * size).toBeLessThanOrEqual(end - 2);
        }
      }
    });
  });

  test("is absent from a reader without a fast path", () => {
    const reader: ExpressionReader = new TreeReader(5);
    expect("scalar" in reader).toBe(false);
  });

  test.each<[string, ListHead, ListHead, ListHead]>([
    ["a text of three elements", new ListHead(3, "unicode"), new ListHead(2, "boolean"), new ListHead(1, "None")],
    ["a boolean of one element", new ListHead(2, "unicode"), new ListHead(1, "boolean"), new ListHead(1, "None")],
    ["a null of two elements", new ListHead(2, "unicode"), new ListHead(2, "boolean"), new ListHead(2, "None")],
    ["a word of three letters", new ListHead(2, "str"), new ListHead(2, "bit"), new ListHead(1, "None")],
    ["words of different lengths", new ListHead(2, "unicode"), new ListHead(2, "bool"), new ListHead(1, "None")],
  ])("has no patterns with %s", (_, text, boolean, nothing) => {
    expect(() => new ScalarPatterns(text, boolean, nothing)).toThrow(TypeError);
  });
});

describe("a reader of a part of a larger buffer", () => {
  const heads = [
    new ListHead(2, "unicode"),
    new ListHead(1, "None"),
    new ListHead(2, "boolean"),
    new ListHead(2, "abc"),
  ];
  const patterns = new ScalarPatterns(heads[0]!, heads[2]!, heads[1]!);
  const into = () => [undefined, undefined, undefined] as unknown[];
  const methods: Record<string, (reader: BananaReader) => unknown> = {
    kind: (reader) => reader.kind(),
    list: (reader) => reader.list(),
    integer: (reader) => reader.integer(),
    float: (reader) => reader.float(),
    exactFloat: (reader) => reader.exactFloat(),
    bytes: (reader) => reader.bytes(),
    word: (reader) => reader.word(),
    text: (reader) => reader.text(),
    skip: (reader) => reader.skip(),
    scalar: (reader) => reader.scalar(patterns),
    shortInteger: (reader) => reader.shortInteger(),
    integers: (reader) => {
      const found = into();
      return [reader.integers(found, 0), found];
    },
    ...Object.fromEntries(heads.map((head) => [`begins ${head.word}`, (reader: BananaReader) => reader.begins(head)])),
    keyAfter: (reader) => reader.keyAfter(heads[0]!),
  };
  const outcome = (reader: BananaReader, read: (reader: BananaReader) => unknown): unknown => {
    try {
      return { result: read(reader), offset: reader.offset };
    } catch (error) {
      return { code: (error as BananaError).code, offset: (error as BananaError).offset };
    }
  };
  const values: Expression[] = [
    ...[0, 5, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 31 - 1, -1, -300, 2n ** 40n, -(2n ** 40n)],
    ...[0.5, [1, 2, 3], [1000, 100_000, 3], []].map((value) => value as Expression),
    ...["", "a", "abc", "true", "None", "x".repeat(40), "x".repeat(200)].map(utf8),
    ...["unicode", "boolean", "abc"].flatMap((word) => [
      [utf8(word), utf8("true")],
      [utf8(word), utf8("false")],
    ]),
    [utf8("None")],
    [[utf8("unicode"), utf8("key")], 5],
    [[utf8("unicode"), utf8("a key of 16 byte")], 5],
  ];

  test.each(Object.entries(methods))("%s reads nothing after its end", (_, read) => {
    for (const spoken of [none, pb]) {
      for (const value of values) {
        const whole = encode(value, { dialect: spoken.name as "pb" });
        const padded = Buffer.concat([Buffer.from("\x05\x81", "latin1"), whole, Buffer.alloc(40, "true")]);
        for (let end = 0; end <= whole.length; end++) {
          const alone = new BananaReader().reset(whole.slice(0, end), 0, end, spoken, 0);
          const part = new BananaReader().reset(padded, 2, 2 + end, spoken, 0);
          expect(outcome(part, read)).toEqual(outcome(alone, read));
        }
      }
    }
  });
});
