// Users of the servers in these tests.

import type { Broker, Reference } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";

/** Connects and logs in with the password `secret`. Closes the connection when the login is refused. */
export async function connectAs<User>(
  port: number,
  user: string,
): Promise<{ readonly connection: Broker; readonly avatar: Reference<User> }> {
  const connection = await connect(`tcp:127.0.0.1:${port}`);
  try {
    return { connection, avatar: await login<User>(connection, new UsernamePassword(user, "secret")) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
