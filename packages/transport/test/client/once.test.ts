// Calls that run once although they are sent again: `client.with({ once: true })`.

import { callContext, PBError, Referenceable, Root } from "@pb/broker";
import type { BrokerOptions, RemoteError } from "@pb/broker";
import { NotConnectedError, OutcomeUnknownError, ReconnectingClient } from "@pb/transport";
import type { Dial } from "@pb/transport";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../support/echo.js";
import { serve } from "../support/memory-network.js";
import type { MemoryNetwork } from "../support/memory-network.js";

const caught = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

class Till extends Referenceable {}

/** Counts how often each payment was made. */
class Bank extends Root {
  readonly runs = new Map<unknown, number>();
  readonly gates: (() => void)[] = [];
  readonly signals: AbortSignal[] = [];
  /** Runs while a method does. */
  during: () => void = () => undefined;

  #run(payment: unknown): void {
    this.runs.set(payment, (this.runs.get(payment) ?? 0) + 1);
    this.during();
  }

  remote_pay(payment: number): string {
    this.#run(payment);
    return `paid ${payment}`;
  }

  async remote_slowlyPay(payment: number): Promise<string> {
    this.#run(payment);
    await Promise.resolve();
    return `paid ${payment}`;
  }

  async remote_wait(payment: number): Promise<string> {
    this.#run(payment);
    this.signals.push(callContext().signal);
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return `paid ${payment}`;
  }

  remote_refuse(payment: number): never {
    this.#run(payment);
    throw new PBError("no funds");
  }

  remote_till(payment: number): Till {
    this.#run(payment);
    return new Till();
  }

  remote_receipt(payment: number, length: number): Uint8Array {
    this.#run(payment);
    return new Uint8Array(length);
  }

  remote_echo(value: string): string {
    return value;
  }
}

function clientOf(dial: Dial): ReconnectingClient<Bank> {
  const client = new ReconnectingClient<Bank>(dial, { backoff: { firstMs: 1, highestMs: 1, jitter: 0 } });
  onTestFinished(() => client.close());
  return client;
}

function start(broker: BrokerOptions = {}) {
  const bank = new Bank();
  const { network } = serve(bank, { broker });
  const client = clientOf(network.dial());
  /** Ends the connections while the next method runs. */
  const dropOnce = (): void => {
    bank.during = () => {
      bank.during = () => undefined;
      network.drop();
    };
  };
  /** Ends the connections. The client has noticed it. */
  const drop = async (): Promise<void> => {
    const { connection } = client;
    network.drop();
    await connection?.closed;
  };
  return { bank, network, client, once: client.with({ once: true }), drop, dropOnce };
}

describe("a connection that is lost at any byte", () => {
  async function pay(network: MemoryNetwork, method: "pay" | "slowlyPay", payment: number): Promise<number> {
    network.cuts.push(payment);
    const client = clientOf(network.dial());
    const call = client.with({ once: true }).callRemote(method, payment);
    const { valve } = network;
    expect(await call).toBe(`paid ${payment}`);
    await client.close();
    return valve!.passed;
  }

  test.each(["pay", "slowlyPay"] as const)("makes `%s` run once, and its answer arrives", async (method) => {
    const bank = new Bank();
    const { network } = serve(bank);
    // Each method is cut at other bytes.
    let payment = method === "pay" ? 1 : 7;
    while ((await pay(network, method, payment)) === payment) payment += 13;
    expect(payment).toBeGreaterThan(300); // The bytes of a whole session.
    expect([...bank.runs.values()].every((runs) => runs === 1)).toBe(true);
  });
});

describe("a call whose connection is lost while its method runs", () => {
  test.each(["pay", "slowlyPay"] as const)("gets the answer of `%s` over the next connection", async (method) => {
    const { bank, once, network, dropOnce } = start();
    dropOnce();
    expect(await once.callRemote(method, 1)).toBe("paid 1");
    expect(bank.runs.get(1)).toBe(1);
    expect(network.made).toBe(2);
  });

  test("waits for a method that runs on, whose signal does not abort", async () => {
    const { bank, once, client, drop } = start();
    const call = once.callRemote("wait", 1);
    for (let loss = 0; loss < 2; loss++) {
      await client.callRemote("echo", "the call was sent");
      await until(() => bank.gates.length === 1, "the method runs");
      await drop();
    }
    await client.callRemote("echo", "the call was sent again");
    expect(bank.signals[0]!.aborted).toBe(false);
    bank.gates[0]!();
    expect(await call).toBe("paid 1");
    expect(bank.runs.get(1)).toBe(1);
  });

  test("gets the error of the method", async () => {
    const { bank, once, dropOnce } = start();
    dropOnce();
    expect(await caught(once.callRemote("refuse", 1))).toMatchObject({ message: expect.stringContaining("no funds") });
    expect(bank.runs.get(1)).toBe(1);
  });

  test.each([
    ["contains a reference", "till", []],
    ["is too large", "receipt", [70_000]],
  ] as const)("rejects when the answer %s", async (_what, method, more) => {
    const { bank, once, dropOnce } = start();
    dropOnce();
    const error = await caught(once.callRemote(method as "receipt", 1, ...(more as unknown as [number])));
    expect((error as RemoteError).is("pbx.AnswerNotKept")).toBe(true);
    expect((error as Error).message).toContain("has run");
    expect(bank.runs.get(1)).toBe(1);
  });

  test("of a lasting reference is sent to the reference on the next connection", async () => {
    class House extends Root {
      remote_bank(): Bank {
        return bank;
      }
    }
    const bank = new Bank();
    const { network } = serve(new House());
    const client = new ReconnectingClient<House>(network.dial(), { backoff: { firstMs: 1 } });
    onTestFinished(() => client.close());
    bank.during = () => {
      bank.during = () => undefined;
      network.drop();
    };
    expect(await client.path("bank").with({ once: true }).call.pay(1)).toBe("paid 1");
    expect(bank.runs.get(1)).toBe(1);
  });
});

describe("the outcome is unknown", () => {
  test("when the server has restarted", async () => {
    const banks = [new Bank(), new Bank()];
    const networks = banks.map((bank) => serve(bank).network);
    const dials = networks.map((network) => network.dial());
    let current = 0;
    const client = clientOf((signal) => dials[current]!(signal));
    banks[0]!.during = () => {
      current = 1;
      networks[0]!.drop();
    };
    const error = await caught(client.with({ once: true }).call.pay(1));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ method: "pay", cause: { code: "CONNECTION_LOST" } });
    expect(banks.map((bank) => bank.runs.get(1))).toEqual([1, undefined]);
  });

  test.each<[string, BrokerOptions]>([
    ["is a stock peer", { extensions: false }],
    ["keeps no answers", { limits: { keptAnswers: 0 } }],
  ])("when the server %s", async (_what, options) => {
    const { bank, once, dropOnce } = start(options);
    expect(await once.call.pay(1)).toBe("paid 1");
    dropOnce();
    expect(await caught(once.call.pay(2))).toBeInstanceOf(OutcomeUnknownError);
    expect(bank.runs.get(2)).toBe(1);
  });

  test("when the server has forgotten the answer", async () => {
    const { bank, client, network } = start({ limits: { keptAnswerMs: 1 } });
    bank.during = () => {
      network.cut({ all: true });
      network.drop();
    };
    const call = caught(client.with({ once: true }).call.pay(1));
    await until(() => bank.runs.size === 1, "it has run");
    await new Promise((resolve) => setTimeout(resolve, 10)); // The time for which the answer is kept.
    network.mend();
    network.drop();
    expect(await call).toBeInstanceOf(OutcomeUnknownError);
    expect(bank.runs.get(1)).toBe(1);
  });

  test("when the call has broken three connections, and others go on", async () => {
    const { bank, client, network } = start();
    await client.with({ once: true }).call.pay(1);
    network.cuts.push(...Array.from({ length: 100 }, () => 500)); // The answer does not fit.
    network.drop();
    const error = await caught(client.with({ once: true }).call.receipt(2, 2000));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(bank.runs.get(2)).toBe(1);
    network.cuts.length = 0;
    network.drop();
    expect(await client.call.echo("after it")).toBe("after it");
  });
});

test("a call that no connection lasts for to be sent is known not to have run", async () => {
  const { bank, client, network, drop } = start();
  await client.current();
  network.cuts.push(45, 45, 45); // Enough to log in, not enough for an answer to `hello`.
  await drop();
  expect(await caught(client.with({ once: true }).call.pay(1))).toBeInstanceOf(NotConnectedError);
  expect(bank.runs.size).toBe(0);
});

test("an answer is kept until it has arrived, and a call for which there is no place does not run", async () => {
  const { bank, once } = start({ limits: { keptAnswers: 2 } });
  for (let payment = 1; payment <= 10; payment++) expect(await once.call.pay(payment)).toBe(`paid ${payment}`);
  const waiting = [11, 12].map((payment) => once.call.wait(payment));
  await until(() => bank.gates.length === 2, "both run");
  const error = await caught(once.call.pay(13));
  expect((error as RemoteError).remoteType).toBe("pbx.OnceRefused");
  for (const finish of bank.gates) finish();
  await Promise.all(waiting);
  expect(await once.call.pay(14)).toBe("paid 14");
  expect(bank.runs.has(13)).toBe(false);
});

test("a caller that gives up cancels the method over the next connection too", async () => {
  const { bank, client, drop } = start();
  const controller = new AbortController();
  const call = caught(client.with({ once: true, signal: controller.signal }).call.wait(1));
  await until(() => bank.gates.length === 1, "it runs");
  await drop();
  await client.call.echo("sent again");
  await client.call.echo("before this");
  controller.abort(new Error("given up"));
  expect(await call).toMatchObject({ message: "given up" });
  await until(() => bank.signals[0]!.aborted, "it is canceled");
});

test("bad options are refused", async () => {
  const { client } = start();
  expect(() => client.with({ once: true, idempotent: true })).toThrow(TypeError);
  expect(() => client.with({ once: 1 as never })).toThrow("The option once");
});
