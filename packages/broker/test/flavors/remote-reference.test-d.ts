// Types of references in the parameters and results of remote methods.

import { expectTypeOf, test } from "vitest";
import type { Avatar, Kwargs, Referenceable, RemoteReference, Viewable } from "@pb/broker";

interface Note extends Referenceable {
  remote_text(): string;
}
interface Board extends Viewable {
  view_read(member: Member, count: number): string[];
}
interface Member extends Avatar {
  perspective_note(): Promise<Note>;
  perspective_board(): Board;
  perspective_friends(): Member[];
  perspective_introduce(friend: RemoteReference<Member>): void;
  perspective_sign(note: Note): void;
}

declare const member: RemoteReference<Member>;
declare const board: RemoteReference<Board>;

test("Referenceables, views and avatars in results are references", () => {
  expectTypeOf(member.call.note()).resolves.toEqualTypeOf<RemoteReference<Note>>();
  expectTypeOf(member.call.board()).resolves.toEqualTypeOf<RemoteReference<Board>>();
  expectTypeOf(member.call.friends()).resolves.toEqualTypeOf<RemoteReference<Member>[]>();
});

test("a parameter that is a reference accepts the object, and no reference, which would arrive as the object", () => {
  expectTypeOf(member.call.introduce).parameter(0).toEqualTypeOf<Member>();
});

test("a parameter that is an object of the peer accepts only a reference to it", () => {
  expectTypeOf(member.call.sign).parameter(0).toEqualTypeOf<RemoteReference<Note>>();
});

test("the perspective of a view is not a parameter of the call", () => {
  expectTypeOf(board.call.read).parameters.toEqualTypeOf<[count: number, kwargs?: Kwargs]>();
});
