// A server that sends stack traces, and a client that prints one, in one process. (examples/pb_exceptions.py)

import { Avatar as PBAvatar, RemoteError } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UsernamePassword } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";

class Avatar extends PBAvatar {
  perspective_exception(x: number): bigint {
    return BigInt(x) / 0n;
  }
}

const realm = { requestAvatar: () => ({ avatar: new Avatar() }) };
const portal = new Portal(realm, [new InMemoryUsernamePasswordChecker({ user: "pass" })]);
await using server = await listen("tcp:0:interface=127.0.0.1", portal, { broker: { unsafeTracebacks: true } });
await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
const avatar = await login<Avatar>(connection, new UsernamePassword("user", "pass"));
try {
  console.log(await avatar.callRemote("exception", 10));
} catch (error) {
  if (!(error instanceof RemoteError)) throw error;
  console.log(error.remoteType);
  console.log(error.traceback);
}
