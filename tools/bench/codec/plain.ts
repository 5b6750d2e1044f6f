// JSON's values in the shapes Perspective Broker gives them, written and read by hand through the two interfaces of @pb/banana.

import { ListHead } from "@pb/banana";
import type { ExpressionReader, ExpressionWriter } from "@pb/banana";
import type { Plain } from "./payloads.js";

export { BananaReader, BananaWriter, decode, encode, Scanner } from "@pb/banana";

const UNICODE = new ListHead(2, "unicode");
const NONE = new ListHead(1, "None");
const BOOLEAN = new ListHead(2, "boolean");

export function writePlain(writer: ExpressionWriter, value: Plain): void {
  if (typeof value === "string") {
    writer.begin(UNICODE);
    writer.text(value);
  } else if (typeof value === "number") {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.integer(value);
    else writer.float(value);
  } else if (typeof value === "boolean") {
    writer.begin(BOOLEAN);
    writer.word(value ? "true" : "false");
  } else if (value === null) {
    writer.begin(NONE);
  } else if (Array.isArray(value)) {
    writer.list(value.length + 1);
    writer.word("list");
    for (const item of value) writePlain(writer, item);
  } else {
    const keys = Object.keys(value);
    writer.list(keys.length + 1);
    writer.word("dictionary");
    for (const key of keys) {
      writer.list(2);
      writer.begin(UNICODE);
      writer.text(key);
      writePlain(writer, value[key]!);
    }
  }
}

export function readPlain(reader: ExpressionReader): Plain {
  if (reader.begins(UNICODE)) return reader.text();
  switch (reader.kind()) {
    case "integer":
      return reader.integer() as number;
    case "float":
      return reader.float();
    case "bytes":
      throw new TypeError("JSON has no bytes");
    case "list":
      return readTagged(reader, reader.list() - 1);
  }
}

function readTagged(reader: ExpressionReader, length: number): Plain {
  const atom = reader.word();
  switch (atom) {
    case "unicode":
      return reader.text();
    case "boolean":
      return reader.word() === "true";
    case "None":
      return null;
    case "list": {
      const items = new Array<Plain>(length);
      let index = 0;
      while (index < length) {
        if (reader.kind() === "integer") index = reader.integers(items, index);
        if (index < length) items[index++] = readPlain(reader);
      }
      return items;
    }
    case "dictionary": {
      const object: Record<string, Plain> = {};
      for (let left = length; left > 0; left--) {
        reader.list();
        const key = reader.begins(UNICODE) ? reader.text() : (readPlain(reader) as string);
        object[key] = readPlain(reader);
      }
      return object;
    }
    default:
      throw new TypeError(`Not one of JSON's values: ${atom}`);
  }
}
