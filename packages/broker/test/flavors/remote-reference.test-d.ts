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

test("what stays there arrives as a reference: Referenceables, views and avatars", () => {
  expectTypeOf(member.call.note()).resolves.toEqualTypeOf<RemoteReference<Note>>();
  expectTypeOf(member.call.board()).resolves.toEqualTypeOf<RemoteReference<Board>>();
  expectTypeOf(member.call.friends()).resolves.toEqualTypeOf<RemoteReference<Member>[]>();
});

test("a reference is given by what it refers to", () => {
  expectTypeOf(member.call.introduce).parameter(0).toEqualTypeOf<RemoteReference<Member> | Member>();
});

test("an object of the peer's is given by the reference to it", () => {
  expectTypeOf(member.call.sign).parameter(0).toEqualTypeOf<RemoteReference<Note>>();
});

test("a view's perspective is not an argument of the call", () => {
  expectTypeOf(board.call.read).parameters.toEqualTypeOf<[count: number, kwargs?: Kwargs]>();
});
