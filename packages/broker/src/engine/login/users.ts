// The users who are logged in over one connection.

import { dispose, onDispose } from "@pb/banana";

export class Users {
  /** Their ids, in alphabetical order. */
  ids: readonly string[] = [];

  /** Adds a user whose `session` is disposed of when the user logs out: when the result is disposed of. */
  add(id: string, session: Disposable): Disposable {
    this.ids = [...this.ids, id].sort();
    return onDispose(() => {
      const left = this.ids.indexOf(id);
      this.ids = this.ids.filter((_user, index) => index !== left);
      session[dispose]();
    });
  }
}
