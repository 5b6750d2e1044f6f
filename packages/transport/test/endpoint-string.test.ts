import { EndpointArguments, EndpointError, splitEndpoint } from "@pb/transport";
import { describe, expect, test } from "vitest";

describe("splitting", () => {
  test.for([
    ["ws:8080:path=/pb", { type: "ws", positional: ["8080"], named: [["path", "/pb"]] }],
    ["tcp:host=\\:\\:1:1", { type: "tcp", positional: ["1"], named: [["host", "::1"]] }],
    ["x:a=b=c", { type: "x", positional: [], named: [["a", "b=c"]] }],
    ["x:a\\=b", { type: "x", positional: ["a=b"], named: [] }],
    ["", { type: "", positional: [], named: [] }],
  ] as const)("%s", ([text, parts]) => expect(splitEndpoint(text)).toEqual(parts));

  test("rejects a trailing backslash", () => {
    expect(() => splitEndpoint("x:a\\")).toThrow('"x:a\\\\": trailing backslash: expected a character after it');
  });
});

describe("arguments", () => {
  const parameters = { positional: ["host", "port"], named: ["mode", "flag"], aliases: { address: "host" } };
  const parse = (text: string): EndpointArguments => new EndpointArguments(text, splitEndpoint(text), parameters);

  test("can be positional or named, also by an alias", () => {
    for (const text of ["x:a:1", "x:port=1:a", "x:address=a:1"]) {
      const args = parse(text);
      expect([args.required("host"), args.port(1)]).toEqual(["a", 1]);
    }
  });

  test("are converted to values", () => {
    const args = parse("x:mode=660:flag=0:port=7");
    expect([args.octal("mode"), args.flag("flag"), args.integer("port", 0, 9)]).toEqual([0o660, false, 7]);
    expect([args.optional("host"), args.eitherOf("host", "port")]).toEqual([undefined, "7"]);
  });

  test.for<[string, (args: EndpointArguments) => unknown, string]>([
    ["x:a", (args) => args.port(1), "port: missing"],
    ["x:a:0", (args) => args.port(1), 'port "0": expected an integer from 1 to 65535'],
    ["x:mode=9", (args) => args.octal("mode"), 'mode "9": expected an octal mode such as 660'],
    ["x:a", (args) => args.oneOf("host", ["b"]), 'host "a": expected one of b'],
    ["x:a:1", (args) => args.eitherOf("host", "port"), "host and port: expected only one of them"],
    ["x:a:1:2", (args) => args, '"2": expected name=value, with one of host, port, mode, flag'],
    ["x:a:host=b:1", (args) => args, '"1": expected name=value, with one of host, port, mode, flag'],
    ["x:host=a:host=b", (args) => args, "host: given twice"],
    ["x:what=a", (args) => args, "what: expected one of host, port, mode, flag"],
  ])("rejects %s", ([text, read, message]) => {
    expect(() => read(parse(text))).toThrow(EndpointError);
    expect(() => read(parse(text))).toThrow(message);
  });
});
