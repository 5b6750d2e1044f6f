// One trace from a page in Chromium over a server of ours to a Twisted server with txpb.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { TracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";
import { Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";
import { openTelemetry } from "@pb/telemetry";
import { attach } from "@pb/web-transport/node";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { findChromium, launch } from "../../../../tools/browser/chromium.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const txpb = fileURLToPath(new URL("../../../txpb/src", import.meta.url));
const chromium = findChromium();

const warehouse = `
from twisted.internet import reactor
from twisted.spread import pb
import txpb

class Warehouse(pb.Root):
    async def remote_price(self, fruit):
        call = txpb.context()
        return [fruit, call.traceparent, call.tracestate, call.baggage]

factory = txpb.upgrade(pb.PBServerFactory(Warehouse()))
print(reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port, flush=True)
reactor.run()
`;

interface Warehouse extends Root {
  remote_price(fruit: string): string[];
}

class Shop extends Root {
  warehouse: RemoteReference<Warehouse> | undefined;
  remote_price(fruit: string): Promise<unknown> {
    return this.warehouse!.callRemote("price", fruit);
  }
}

describe.skipIf(chromium === undefined)("a trace from a page in Chromium", () => {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const telemetry = openTelemetry({ tracerProvider });
  const shop = new Shop();
  let browser: Awaited<ReturnType<typeof launch>>;
  let site: Awaited<ReturnType<typeof serve>>;

  async function serve() {
    const { outputFiles } = await build({
      entryPoints: [`${here}page.ts`],
      bundle: true,
      write: false,
      format: "esm",
      target: "es2022",
      conditions: ["@pb/source"],
      define: { PB_VERSION: '"0.0.0"' },
    });
    const page = `<!doctype html><meta charset=utf-8><script type=module>${outputFiles[0]!.text}</script>`;
    const http = createServer((_request, response) => response.setHeader("content-type", "text/html").end(page));
    const server = attach(http, shop, { path: "/pb", broker: { telemetry } });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const close = async (): Promise<void> => {
      await server.close();
      http.closeAllConnections();
      http.close();
    };
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`, close };
  }

  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(chromium!), serve()]);
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });

  test.each(inject("twisteds"))("goes on at our server and at Twisted $version with txpb", async ({ python }) => {
    exporter.reset();
    const env = { ...pythonEnvironment(), PYTHONPATH: txpb };
    await using program = new Program("the warehouse", [python, "-c", warehouse], { env });
    const onward = await connect(`tcp:127.0.0.1:${await program.nextLine()}`, { broker: { telemetry } });
    shop.warehouse = await onward.getRootObject<Warehouse>();
    const page = await browser.newPage();
    try {
      await page.goto(site.url);
      await page.waitForFunction("globalThis.price !== undefined");
      const { result, name, context, attributes } = await page.evaluate<{
        readonly result: unknown;
        readonly name: string;
        readonly context: { readonly traceId: string; readonly spanId: string };
        readonly attributes: object;
      }>("price()");
      const [made, arrived] = exporter.getFinishedSpans();
      expect([name, arrived!.name, made!.name]).toEqual(["root/price", "Shop/price", "root/price"]);
      expect(arrived!.parentSpanContext).toMatchObject({ spanId: context.spanId, isRemote: true });
      expect(arrived!.spanContext().traceId).toBe(context.traceId);
      expect(made!.parentSpanContext).toMatchObject({ spanId: arrived!.spanContext().spanId });
      const { spanId } = made!.spanContext();
      expect(result).toEqual(["apple", `00-${context.traceId}-${spanId}-01`, null, null]);
      expect(JSON.stringify([attributes, made!.attributes, arrived!.attributes])).not.toContain("apple");
      expect(made!.attributes).toMatchObject({
        "rpc.system.name": "pb",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": Number(onward.peer.description.split(":").pop()),
      });
    } finally {
      await page.close();
      await onward.close();
    }
    expect(program.stderr).toBe("");
  });
});

test("CI has Chromium", () => {
  expect(process.env.CI !== "true" || chromium !== undefined).toBe(true);
});
