// A port that Express, Fastify or plain `http` serves, and its WebSockets: pages and calls side by side.

import express from "express";
import fastify from "fastify";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { attach } from "@pb/web-transport/node";
import { connectTo, echo, Echo, errorOf } from "../support/echo.js";

/** Start a server on a free port that answers `GET /page` with "a page". */
const frameworks: Readonly<Record<string, () => Promise<Server>>> = {
  async http() {
    const http = createServer((_request, response) => response.end("a page")).listen(0, "127.0.0.1");
    await once(http, "listening");
    return http;
  },
  async Express() {
    const app = express();
    app.get("/page", (_request, response) => void response.send("a page"));
    const http = app.listen(0, "127.0.0.1");
    await once(http, "listening");
    return http;
  },
  async Fastify() {
    const app = fastify();
    app.get("/page", () => "a page");
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
};

test.each(Object.keys(frameworks))("shares its port with %s", async (name) => {
  const http = await frameworks[name]!();
  const at = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const page = async (): Promise<string> => await (await fetch(`http://${at}/page`)).text();
  const server = attach(http, new Echo(), { path: "/pb" });
  const connection = await connectTo(`ws://${at}/pb`);
  expect(await Promise.all([echo(connection, 1), page()])).toEqual([1, "a page"]);
  expect((await errorOf(connectTo(`ws://${at}/page`))).message).toContain("404");
  await server.close();
  expect((await connection.closed).reason).toBe("lost");
  expect(await page()).toBe("a page");
  http.closeAllConnections();
  http.close();
  await once(http, "close");
});
