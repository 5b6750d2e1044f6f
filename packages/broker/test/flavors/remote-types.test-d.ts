// What compiles and what must not: the types of a class, or of an interface, become those of calls on a reference to it.

import { describe, expectTypeOf, test } from "vitest";
import { Avatar, kwargs, Referenceable, Root, Viewable } from "@pb/broker";
import type { Broker, Connection, Kwargs, KwargsOf, Reference, RemoteMethods, RemoteReference } from "@pb/broker";
import type { Callable } from "@pb/broker/extension";
import type { DateTime } from "@pb/jelly-types";

class Child extends Referenceable {
  remote_ping(n: number): number {
    return n + 1;
  }
}

class View extends Viewable {
  view_read(_perspective: object, page: number): string {
    return String(page);
  }
}

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
  length(): number {
    return Math.hypot(this.x, this.y);
  }
}

class Everything extends Root {
  remote_text(value: string, times?: number): string {
    return value.repeat(times ?? 1);
  }
  async remote_later(): Promise<number> {
    return 1;
  }
  remote_child(): Child {
    return new Child();
  }
  remote_children(): { readonly first: Child; readonly all: Child[] } {
    return { first: new Child(), all: [] };
  }
  remote_call(child: RemoteReference<Child>): Promise<number> {
    return child.callRemote("ping", 1);
  }
  remote_callAll(_children: { readonly all: RemoteReference<Child>[] }): void {}
  remote_map(): Map<string, Date> {
    return new Map();
  }
  remote_big(): bigint {
    return 1n;
  }
  remote_point(): Point {
    return new Point(1, 2);
  }
  remote_rest(...values: number[]): number {
    return values.length;
  }
  notRemote(): void {}
}

declare function someReference<T = RemoteMethods>(): RemoteReference<T>;
declare const root: RemoteReference<Everything>;

describe("a reference by its class", () => {
  test("knows the remote methods, their arguments and their results", () => {
    expectTypeOf(root.callRemote("text", "a", 2)).resolves.toEqualTypeOf<string>();
    expectTypeOf(root.call.text("a")).resolves.toEqualTypeOf<string>();
    expectTypeOf(root.callRemote("later")).resolves.toEqualTypeOf<number>();
    expectTypeOf(root.with({ timeoutMs: 1 }).callRemote("rest", 1, 2)).resolves.toEqualTypeOf<number>();
    expectTypeOf(root.call.text).parameters.toEqualTypeOf<
      [value: string, times?: number | Kwargs | undefined, kwargs?: Kwargs]
    >();
  });

  test("refuses what does not fit", () => {
    // @ts-expect-error no such method
    void root.callRemote("nosuch");
    // @ts-expect-error not a remote method
    void root.callRemote("notRemote");
    // @ts-expect-error a number is no text
    void root.callRemote("text", 1);
    // @ts-expect-error an argument is missing
    root.sendRemote("text");
    // @ts-expect-error one argument too many
    void root.call.later(1);
  });

  test("turns objects that stay there into references, wherever they are", () => {
    expectTypeOf(root.callRemote("child")).resolves.toEqualTypeOf<RemoteReference<Child>>();
    expectTypeOf(root.callRemote("children")).resolves.toEqualTypeOf<{
      readonly first: RemoteReference<Child>;
      readonly all: RemoteReference<Child>[];
    }>();
  });

  test("takes an object of ours where the method takes a reference to one", () => {
    void root.callRemote("call", new Child());
    void root.callRemote("callAll", { all: [new Child()] });
    // @ts-expect-error a view is no child
    void root.callRemote("call", new View());
  });

  test("tells what arrives for what only JavaScript has", () => {
    expectTypeOf(root.callRemote("map")).resolves.toEqualTypeOf<Record<string, DateTime>>();
    expectTypeOf(root.callRemote("big")).resolves.toEqualTypeOf<number | bigint>();
    expectTypeOf(root.callRemote("callAll", { all: [] })).resolves.toEqualTypeOf<null>();
    expectTypeOf(root.callRemote("point")).resolves.toEqualTypeOf<Point>();
  });
});

describe("keyword arguments", () => {
  abstract class Library extends Root {
    abstract remote_find(id: number, title?: string, limit?: number): string;
    abstract remote_order(id: number, how?: KwargsOf<{ urgent?: boolean }>): string;
    abstract remote_lend(reader: RemoteReference<Child>): Child[];
  }
  const library = someReference<Library>();

  test("stand behind the positional ones, or in the place of what may be left out", () => {
    expectTypeOf(library.callRemote("find", 12, kwargs({ limit: 3 }))).resolves.toEqualTypeOf<string>();
    void library.callRemote("find", 12, "Dune", kwargs({ limit: 3 }));
    void library.callRemote("find", 12, "Dune", 3, kwargs({ more: true }));
    void library.with({ timeoutMs: 1 }).callRemote("find", 12, kwargs({ limit: 3 }));
    void library.call.find(12, kwargs({ limit: 3 }));
    library.sendRemote("find", 12, kwargs({ limit: 3 }));
    void root.callRemote("later", kwargs({ soon: true }));
    void root.callRemote("rest", 1, 2, kwargs({ three: 3 }));
    void someReference<View>().callRemote("read", 3, kwargs({ loud: true }));
  });

  test("leave the positional ones as strict as they are", () => {
    // @ts-expect-error text is no number
    void library.callRemote("find", "12", kwargs({ limit: 3 }));
    // @ts-expect-error the first is not optional
    void library.callRemote("find", kwargs({ id: 12 }));
    // @ts-expect-error a number is no text
    void library.callRemote("find", 12, 3, kwargs({ limit: 3 }));
    // @ts-expect-error nothing comes after them
    void library.callRemote("find", 12, "Dune", kwargs({ limit: 3 }), 4);
    // @ts-expect-error an object is a dict, and no keyword arguments
    void library.callRemote("find", 12, { limit: 3 });
  });

  test("are what the method declares, where it does", () => {
    void library.callRemote("order", 12);
    void library.callRemote("order", 12, kwargs({ urgent: true }));
    // @ts-expect-error not a boolean
    void library.callRemote("order", 12, kwargs({ urgent: 1 }));
    // @ts-expect-error an object is a dict, and no keyword arguments
    void library.callRemote("order", 12, { urgent: true });
  });

  test("change nothing about references", () => {
    expectTypeOf(library.callRemote("lend", new Child(), kwargs({ days: 3 }))).resolves.toEqualTypeOf<
      RemoteReference<Child>[]
    >();
  });
});

describe("views and avatars", () => {
  test("are called without the perspective", () => {
    const view = someReference<View>();
    expectTypeOf(view.callRemote("read", 3)).resolves.toEqualTypeOf<string>();
    // @ts-expect-error the perspective does not travel
    void view.callRemote("read", {}, 3);
  });

  test("are known by their perspective methods", () => {
    abstract class Me extends Avatar {
      abstract perspective_whoami(): string;
    }
    const me = someReference<Me>();
    expectTypeOf(me.callRemote("whoami")).resolves.toEqualTypeOf<string>();
  });
});

describe("a reference to something of Python", () => {
  test("is known by an interface of its methods", () => {
    interface Calculator {
      add(a: number, b: number): number;
    }
    const calculator = someReference<Calculator>();
    expectTypeOf(calculator.callRemote("add", 1, 2)).resolves.toEqualTypeOf<number>();
    // @ts-expect-error no such method
    void calculator.callRemote("subtract", 1, 2);
  });

  test("can be called in any way where nothing is known", () => {
    const anything = someReference();
    expectTypeOf(anything.callRemote("whatever", 1, kwargs({ two: 2 }))).resolves.toEqualTypeOf<unknown>();
  });
});

test("what a connection begins with and what it leaves behind are told which one it is", () => {
  expectTypeOf<Root["rootObject"]>().parameter(0).toEqualTypeOf<Connection>();
  expectTypeOf<Referenceable["unreferenced"]>().parameter(0).toEqualTypeOf<Connection>();
  expectTypeOf<NonNullable<Callable["unreferenced"]>>().parameter(0).toEqualTypeOf<Connection>();
  expectTypeOf<Broker>().toExtend<Connection>();
});

test("a remote reference is a reference, as is a local one", () => {
  expectTypeOf<RemoteReference<Everything>>().toExtend<Reference<Everything>>();
});
