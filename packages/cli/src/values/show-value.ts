// Shows what a peer has sent as JSON, in the forms that `parseValue` reads.

import { Float, formatFloat } from "@pb/banana";
import { RemoteReference } from "@pb/broker";
import {
  CalendarDate,
  DateTime,
  Decimal,
  describe,
  FrozenSet,
  PythonName,
  TimeDelta,
  TimeOfDay,
  Tuple,
  UnknownCopy,
  Unpersistable,
} from "@pb/jelly-types";
import { escaped } from "../escape.js";

/** Text that needs no escapes: most does not, and is quoted in a tenth of the time (bench `tap`). */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A value as text, or its parts between brackets. `width` is its length on one line. */
interface Shown {
  readonly width: number;
  readonly text?: string;
  readonly parts?: { readonly open: string; readonly items: readonly Shown[]; readonly close: string };
}

/**
 * The value as JSON: on one line, or on several with indentation where it is longer than `columns`. Control characters
 * are escaped in all texts. A reference is `{"$reference": 3}`, and an object inside itself is `{"$cycle": true}`.
 */
export function showValue(value: unknown, columns?: number): string {
  const lines: string[] = [];
  layOut(show(value, []), "", "", columns ?? Infinity, lines);
  return lines.join("\n");
}

/** The text in double quotes, as in JSON, with all control characters escaped. */
export function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return escaped(JSON.stringify(text));
}

function show(value: unknown, around: readonly object[]): Shown {
  if (typeof value === "string") return text(quoted(value));
  if (typeof value === "number")
    return text(Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : floatText(value));
  if (typeof value !== "object" || value === null) return text(String(value));
  if (value instanceof Float) return text(floatText(value.value));
  if (around.includes(value)) return form("$cycle", text("true"));
  const inside = [...around, value];
  const items = (values: Iterable<unknown>): Shown => list([...values].map((item) => show(item, inside)));
  if (value instanceof Tuple) return form("$tuple", items(value));
  if (Array.isArray(value)) return items(value);
  if (value instanceof Uint8Array) return bytes(value);
  if (value instanceof FrozenSet) return form("$frozenset", items(value));
  if (value instanceof Set) return form("$set", items(value));
  if (value instanceof Map) return form("$dict", list([...value].map((pair) => items(pair))));
  return scalar(value) ?? instance(value, inside) ?? object(value, inside);
}

/** Text where it is text: many Python programs send bytes as names. */
function bytes(value: Uint8Array): Shown {
  const isText = value.length > 0 && value.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isText) return form("$ascii", text(quoted(Buffer.from(value).toString("latin1"))));
  return form("$bytes", text(`"${Buffer.from(value).toString("base64")}"`));
}

function scalar(value: object): Shown | undefined {
  if (value instanceof Decimal) return form("$decimal", text(quoted(value.toString())));
  if (value instanceof DateTime) return form("$datetime", text(quoted(value.toString())));
  if (value instanceof CalendarDate) return form("$date", text(quoted(value.toString())));
  if (value instanceof TimeOfDay) return form("$time", text(quoted(value.toString())));
  if (value instanceof TimeDelta)
    return form("$timedelta", text(`[${value.days}, ${value.seconds}, ${value.microseconds}]`));
  return undefined;
}

function instance(value: object, inside: readonly object[]): Shown | undefined {
  if (value instanceof RemoteReference) return form("$reference", show((value as RemoteReference).id, inside));
  if (value instanceof Unpersistable) return form("$unpersistable", text(quoted(value.reason)));
  if (value instanceof PythonName) return form("$name", text(quoted(value.name)));
  if (value instanceof UnknownCopy)
    return dict([
      ["$class", text(quoted(value.name))],
      ["state", show(value.state, inside)],
    ]);
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype
    ? undefined
    : form("$other", text(quoted(describe(value))));
}

function object(value: object, inside: readonly object[]): Shown {
  const entries = Object.entries(value).map(([key, item]): [string, Shown] => [key, show(item, inside)]);
  const isAmbiguous = entries.some(([key]) => key.startsWith("$"));
  return isAmbiguous
    ? form("$dict", list(entries.map(([key, item]) => list([text(quoted(key)), item]))))
    : dict(entries);
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return '{"$float": "nan"}';
  return Number.isFinite(value) ? formatFloat(value) : `{"$float": "${value > 0 ? "inf" : "-inf"}"}`;
}

const text = (shown: string): Shown => ({ width: shown.length, text: shown });

const list = (items: readonly Shown[]): Shown => between("[", items, "]");

const form = (key: string, content: Shown): Shown => dict([[key, content]]);

function dict(entries: readonly (readonly [string, Shown])[]): Shown {
  return between(
    "{",
    entries.map(([key, item]) => after(`${quoted(key)}: `, item)),
    "}",
  );
}

function between(open: string, items: readonly Shown[], close: string): Shown {
  const width = items.reduce((sum, item) => sum + item.width + 2, 0) + open.length + close.length;
  return { width, parts: { open, items, close } };
}

function after(prefix: string, shown: Shown): Shown {
  if (shown.parts === undefined) return text(prefix + shown.text!);
  const { open, items, close } = shown.parts;
  return { width: shown.width + prefix.length, parts: { open: prefix + open, items, close } };
}

function layOut(shown: Shown, indent: string, end: string, columns: number, lines: string[]): void {
  const { parts } = shown;
  if (parts === undefined || parts.items.length === 0 || indent.length + shown.width + end.length <= columns) {
    lines.push(indent + oneLine(shown) + end);
    return;
  }
  lines.push(indent + parts.open);
  parts.items.forEach((item, index) => {
    layOut(item, `${indent}  `, index + 1 < parts.items.length ? "," : "", columns, lines);
  });
  lines.push(indent + parts.close + end);
}

function oneLine({ text: shown, parts }: Shown): string {
  return parts === undefined ? shown! : parts.open + parts.items.map(oneLine).join(", ") + parts.close;
}
