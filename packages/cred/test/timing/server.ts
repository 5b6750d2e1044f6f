// A server with twenty users of random names, which it prints. Its limits allow any number of questions.

import { randomBytes } from "node:crypto";
import { Referenceable } from "@pb/broker";
import { FilePasswordDB, InMemoryUsernamePasswordChecker, PasswordChecker, Portal, ScramVerifier } from "@pb/cred";
import { listen } from "@pb/node-transport";

class Nobody extends Referenceable {}

const [kind, lookupMs] = process.argv.slice(2);
const names = Array.from({ length: 40 }, () => randomBytes(6).toString("hex"));
const users = names.slice(20);
const iterations = 4096;
const verifiers = new Map<string, ScramVerifier>();
for (const name of users) verifiers.set(name, await ScramVerifier.of(name, { iterations }));

const checkers = {
  function: () =>
    new PasswordChecker({ stores: ["scram-sha-256"], iterations, find: (name: string) => verifiers.get(name) }),
  file: () => {
    const text = Array.from(verifiers, ([name, verifier]) => `${name}:${verifier.toText()}\n`).join("");
    return new FilePasswordDB({ read: () => text }, { stores: ["scram-sha-256"], iterations });
  },
  memory: () =>
    new InMemoryUsernamePasswordChecker(Object.fromEntries(users.map((name) => [name, name])), { iterations }),
};
const many = 1e9;
const limits = { failuresPerConnection: many, failuresPerAddress: many, failuresPerName: many };
const portal = new Portal(
  { requestAvatar: () => ({ avatar: new Nobody() }) },
  [checkers[kind as keyof typeof checkers]()],
  {
    limits: {
      ...limits,
      failuresPerNameEverywhere: many,
      ...(lookupMs === undefined ? {} : { lookupMs: Number(lookupMs) }),
    },
  },
);
// The attacker never logs in, and is slow on a busy machine.
const server = await listen("tcp:0:interface=127.0.0.1", portal, { limits: { loginMs: many } });
console.log(JSON.stringify({ port: server.port, names }));
