// Suggests corrections for an endpoint that cannot be parsed.

import { nearest } from "@pb/jelly-types";
import { isIPv6 } from "node:net";

/** The types of endpoint strings. */
const CLIENT_TYPES = ["tcp", "tls", "ssl", "unix"];
const SERVER_TYPES = ["tcp", "tcp6", "tls", "ssl", "unix", "systemd", "fd", "haproxy"];

/** Schemes of other protocols and programs, and ours for the same transport. */
const SCHEMES: Readonly<Record<string, string>> = {
  tcp: "pb://",
  tls: "pbs://",
  ssl: "pbs://",
  tcps: "pbs://",
  unix: "pb+unix:",
};

/** The longest text for which there is advice, in UTF-16 code units. */
const LONGEST = 300;

/** `. Did you mean tcp:localhost:8787?`, or nothing. `port` is the default port. */
export function adviceFor(text: string, end: "client" | "server", port: number): string {
  if (text.length > LONGEST) return "";
  const [type = ""] = text.split(":", 1);
  if (end === "client" && SERVER_TYPES.includes(type) && !CLIENT_TYPES.includes(type))
    return `. One can only listen at ${type}:`;
  if (/^wss?:\/\//i.test(text)) return ". WebSockets are in @pb/web-transport";
  const meant = urlMeant(text) ?? typeMeant(text, end) ?? addressMeant(text, end, port);
  return meant === undefined ? "" : `. Did you mean ${meant}?`;
}

function urlMeant(text: string): string | undefined {
  const [, scheme = "", rest = ""] = /^([a-z0-9+.-]+):?\/\/(.*)$/i.exec(text) ?? [];
  const meant = SCHEMES[scheme.toLowerCase()] ?? (scheme === "" ? undefined : nearest(scheme, ["pb", "pbs"]));
  if (meant === undefined) return undefined;
  return (meant.endsWith(":") || meant.endsWith("/") ? meant : `${meant}://`) + rest;
}

/** A host, a port, both, or a path without the type of an endpoint. */
function addressMeant(text: string, end: "client" | "server", defaultPort: number): string | undefined {
  if (/^\.{0,2}\/|\.sock$/.test(text)) return `unix:${text}`;
  if (isIPv6(text)) return `pb://[${text}]:${defaultPort}`;
  if (/^\[.*\]:\d+$/.test(text)) return `pb://${text}`;
  if (/^:?\d{1,5}$/.test(text)) return end === "client" ? `tcp:localhost:${digits(text)}` : `tcp:${digits(text)}`;
  const [, host, port = String(defaultPort)] = /^([\w-]+(?:\.[\w-]+)*|\*)(?::(\d+))?$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  if (end === "client") return `tcp:${host}:${port}`;
  if (host === "*") return `tcp:${port}`;
  return host === "localhost" || host.includes(".") ? `tcp:${port}:interface=${host}` : undefined;
}

/** A misspelled type. */
function typeMeant(text: string, end: "client" | "server"): string | undefined {
  const [type = ""] = text.split(":", 1);
  const meant = type === "tcps" ? "tls" : nearest(type, typesOf(end));
  return meant === undefined || !text.includes(":") ? undefined : meant + text.slice(type.length);
}

function typesOf(end: "client" | "server"): readonly string[] {
  return end === "client" ? CLIENT_TYPES : SERVER_TYPES;
}

function digits(text: string): string {
  return text.replace(":", "");
}
