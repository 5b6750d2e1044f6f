// The program of which LOGINS.md shows parts.

import { Avatar } from "@pb/broker";
import {
  BearerToken,
  BearerTokenChecker,
  FilePasswordDB,
  FunctionChecker,
  login,
  Md5Digest,
  parseStoredPasswords,
  PasswordChecker,
  Portal,
  ScramVerifier,
  ScryptHash,
  UsernamePassword,
} from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

class User extends Avatar {
  constructor(readonly name: string) {
    super();
  }

  perspective_whoami() {
    return this.name;
  }
}

const realm = { requestAvatar: (avatarId: unknown) => ({ avatar: new User(String(avatarId)) }) };

/** Stands in for a database. */
const table = new Map<string, string>();
const db = {
  passwordOf: async (username: string) => table.get(username),
  ownerOf: async (digest: string) => table.get(digest),
  secret: async () => randomBytes(32),
};

/** Stores a password in the forms that the logins of this server need. */
async function storePassword(username: string, password: string) {
  const verifier = await ScramVerifier.of(password);
  const digest = Md5Digest.of(password); // only if Twisted clients log in too
  table.set(username, `${digest.toText()} ${verifier.toText()}`);
}

await storePassword("alice", "secret");

const users = new PasswordChecker({
  stores: ["md5", "scram-sha-256"],
  find: async (username) => parseStoredPasswords((await db.passwordOf(username)) ?? ""),
  secret: await db.secret(),
});

const path = join(mkdtempSync(join(tmpdir(), "pb-logins-")), "passwords");
writeFileSync(path, `bob:${(await ScramVerifier.of("hunter2")).toText()}\n`);

const file = new FilePasswordDB(
  { read: () => readFile(path), version: async () => (await stat(path)).mtimeMs },
  { stores: ["scram-sha-256"] },
);

const token = randomBytes(32).toString("base64url"); // given to its owner once
table.set(createHash("sha256").update(token).digest("hex"), "backup-robot");

const tokens = new BearerTokenChecker(async (token) => {
  const digest = createHash("sha256").update(token).digest("hex");
  return db.ownerOf(digest);
});

const hash = await ScryptHash.of("correct horse", { ln: 10 });
const webUsers = new FunctionChecker("IUsernamePassword", async (credentials) =>
  (await hash.check(credentials)) ? "carol" : undefined,
);
const webPortal = new Portal(realm, [webUsers]);
const { avatar: carol } = await webPortal.login(new UsernamePassword("carol", "correct horse"), null, "IWebPage");
console.log((carol as User).perspective_whoami());

const portal = new Portal(realm, [users, tokens], {
  policy: { classic: "encrypted", anonymous: "none" },
  limits: { failuresPerConnection: 5 },
});

const server = await listen("tcp:0:interface=127.0.0.1", portal);
const fileServer = await listen("tcp:0:interface=127.0.0.1", new Portal(realm, [file]));
const connection = await connect(`tcp:127.0.0.1:${server.port}`);
const toFile = await connect(`tcp:127.0.0.1:${fileServer.port}`);

const credentials = new UsernamePassword("alice", "secret");
const alice = await login<User>(connection, credentials, null, { minimum: "scram-sha-256" });
console.log(await alice.callRemote("whoami"));

const bob = await login<User>(toFile, new UsernamePassword("bob", "hunter2"));
console.log(await bob.callRemote("whoami"));

const refused = await login(connection, new BearerToken(token)).catch((error: unknown) => error);
console.log((refused as Error).message);

await Promise.all([connection.close(), toFile.close(), server.close(), fileServer.close()]);
rmSync(path);
