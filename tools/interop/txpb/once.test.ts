// Calls of Python clients that run once, at a server of ours whose connections are lost.

import { callContext, Referenceable, Root } from "@pb/broker";
import { listen } from "@pb/node-transport";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Program, until } from "../../process/program.js";
import { pythonEnvironment } from "../../twisted/twisted.js";

const source = fileURLToPath(new URL("../../../packages/txpb/src", import.meta.url));

/** The client of the README. It makes the calls of its second argument, one after another, and prints each outcome. */
const program = `
import json, sys
from twisted.internet import reactor, task
from twisted.internet.defer import ensureDeferred
from twisted.spread import pb
import txpb

class Client(pb.PBClientFactory):
    def clientConnectionLost(self, connector, reason):
        super().clientConnectionLost(connector, reason, reconnecting=True)
        reactor.callLater(0.01, connector.connect)

    def clientConnectionFailed(self, connector, reason):
        reactor.callLater(0.01, connector.connect)

async def main(reactor):
    factory = txpb.upgrade(Client())
    reactor.connectTCP("127.0.0.1", int(sys.argv[1]), factory)
    for way, name, *args in json.loads(sys.argv[2]):
        try:
            if way == "once":
                result = await txpb.call_once(factory.getRootObject, name, *args, timeout=60)
            else:
                result = await txpb.call(await factory.getRootObject(), name, *args)
        except Exception as error:
            result = getattr(error, "remoteType", None) or type(error).__name__
        print(result.decode() if isinstance(result, bytes) else result, flush=True)

task.react(lambda reactor: ensureDeferred(main(reactor)))
`;

class Account extends Referenceable {}

class Bank extends Root {
  payments = 0;

  remote_pay(amount: number): string {
    this.payments++;
    callContext().connection.terminate("closed"); // as a network that fails now
    return `paid ${amount}`;
  }

  async remote_payLater(amount: number): Promise<string> {
    this.payments++;
    callContext().connection.terminate("closed");
    await new Promise((resolve) => setImmediate(resolve));
    return `paid ${amount} later`;
  }

  remote_refuse(): never {
    this.payments++;
    callContext().connection.terminate("closed");
    throw new RangeError("not enough");
  }

  remote_open(): Referenceable {
    this.payments++;
    callContext().connection.terminate("closed");
    return new Account();
  }

  remote_balance(): number {
    return this.payments;
  }
}

type Call = readonly [way: "once" | "call", name: string, ...args: unknown[]];

function start(python: string, port: number, calls: readonly Call[]): Program {
  const args = [python, "-c", program, String(port), JSON.stringify(calls)] as const;
  return new Program("the client", args, { env: { ...pythonEnvironment(), PYTHONPATH: source } });
}

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  test("a call runs once, and gets its answer over the next connection", async () => {
    const bank = new Bank();
    await using server = await listen("tcp:0:interface=127.0.0.1", bank, { broker: { onEvent: () => undefined } });
    const calls: [...Call, outcome: string][] = [
      ["call", "pay", 5, "PBConnectionLost"],
      ["once", "pay", 7, "paid 7"],
      ["once", "payLater", 9, "paid 9 later"],
      ["once", "refuse", "builtins.ValueError"],
      ["once", "open", "pbx.AnswerNotKept"],
      ["once", "balance", "5"],
    ];
    await using client = start(
      python,
      server.port,
      calls.map((call) => call.slice(0, -1) as unknown as Call),
    );
    const outcomes: string[] = [];
    for (const _ of calls) outcomes.push(await client.nextLine());
    expect(outcomes).toEqual(calls.map((call) => call.at(-1)));
    expect(bank.payments).toBe(5);
  });

  test("its outcome is unknown when the server was started again meanwhile", async () => {
    let hasBegun = false;
    class Slow extends Root {
      remote_wait(): Promise<never> {
        hasBegun = true;
        return new Promise(() => undefined);
      }
    }
    const first = await listen("tcp:0:interface=127.0.0.1", new Slow(), { broker: { onEvent: () => undefined } });
    const { port } = first;
    await using client = start(python, port, [["once", "wait"], ["once", "balance"]]); // prettier-ignore
    await until(() => hasBegun, "the call");
    await first.close({ drainMs: 0 });
    await using _second = await listen(`tcp:${port}:interface=127.0.0.1`, new Bank());
    expect(await client.nextLine()).toBe("OutcomeUnknown");
    expect(await client.nextLine()).toBe("0");
  });
});
