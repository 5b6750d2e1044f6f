/** The types of calls follow from the classes of the objects: what stays at the other side arrives as a reference. */
import { Avatar, Referenceable, Root, Viewable } from "@pb/broker";
import type { RemoteArguments, RemoteReference } from "@pb/broker";
import { expectTypeOf, test } from "vitest";

class Thing extends Referenceable {
  remote_touch(): void {}
}

class Group extends Viewable {
  view_send(_from: Member, message: string): number {
    return message.length;
  }
}

class Member extends Avatar {
  perspective_join(_name: string): Group {
    return new Group();
  }
}

declare class Server extends Root {
  remote_thing(): Thing;
  remote_things(): Promise<[string, Thing][]>;
  remote_member(): Member;
  remote_take(thing: RemoteReference<Thing>): void;
}

declare const server: RemoteReference<Server>;
declare const member: RemoteReference<Member>;

test("a Referenceable arrives as a reference, alone and in containers", () => {
  expectTypeOf(server.callRemote("thing")).resolves.toEqualTypeOf<RemoteReference<Thing>>();
  expectTypeOf(server.callRemote("things")).resolves.toEqualTypeOf<[string, RemoteReference<Thing>][]>();
});

test("a Viewable and an Avatar arrive as references", async () => {
  const group = await member.callRemote("join", "readers");
  expectTypeOf(group).toEqualTypeOf<RemoteReference<Group>>();
  expectTypeOf(group.callRemote("send", "hello")).resolves.toEqualTypeOf<number>();
  expectTypeOf(server.callRemote("member")).resolves.toEqualTypeOf<RemoteReference<Member>>();
});

test("where a reference is wanted, the object itself can be given", () => {
  expectTypeOf<RemoteArguments<Server, "take">>().toEqualTypeOf<[thing: Thing | RemoteReference<Thing>]>();
});
