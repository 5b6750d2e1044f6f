// Types of calls: the methods of a class or an interface determine the arguments and results of calls on a reference to
// it.

import { describe, expectTypeOf, test } from "vitest";
import { asLocal, Avatar, kwargs, Referenceable, Root, Viewable } from "@pb/broker";
import type {
  Broker,
  CacheObserver,
  Connection,
  Kwargs,
  KwargsOf,
  Reference,
  RemoteMethods,
  RemoteReference,
} from "@pb/broker";
import type { Callable, RemoteCaller } from "@pb/broker/extension";
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

declare function referenceTo<T = RemoteMethods>(): RemoteReference<T>;
declare const root: RemoteReference<Everything>;

describe("a reference typed by the class of its object", () => {
  test("has the remote methods with their arguments and results", () => {
    expectTypeOf(root.callRemote("text", "a", 2)).resolves.toEqualTypeOf<string>();
    expectTypeOf(root.call.text("a")).resolves.toEqualTypeOf<string>();
    expectTypeOf(root.callRemote("later")).resolves.toEqualTypeOf<number>();
    expectTypeOf(root.with({ timeoutMs: 1 }).callRemote("rest", 1, 2)).resolves.toEqualTypeOf<number>();
    expectTypeOf(root.call.text).parameters.toEqualTypeOf<
      [value: string, times?: number | Kwargs | undefined, kwargs?: Kwargs]
    >();
  });

  test("rejects unknown methods and wrong arguments", () => {
    // @ts-expect-error no such method
    void root.callRemote("nosuch");
    // @ts-expect-error not a remote method
    void root.callRemote("notRemote");
    // @ts-expect-error a number is not a string
    void root.callRemote("text", 1);
    // @ts-expect-error an argument is missing
    root.sendRemote("text");
    // @ts-expect-error one argument too many
    void root.call.later(1);
  });

  test("has references in place of remote objects, also inside other values", () => {
    expectTypeOf(root.callRemote("child")).resolves.toEqualTypeOf<RemoteReference<Child>>();
    expectTypeOf(root.callRemote("children")).resolves.toEqualTypeOf<{
      readonly first: RemoteReference<Child>;
      readonly all: RemoteReference<Child>[];
    }>();
  });

  test("accepts a local object where the method takes a reference to one", () => {
    void root.callRemote("call", new Child());
    void root.callRemote("callAll", { all: [new Child()] });
    const view = null as unknown as View;
    // @ts-expect-error a View is not a Child
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the compiler refuses it too
    void root.callRemote("call", view);
  });

  test("has the types that arrive for values that change on the wire", () => {
    expectTypeOf(root.callRemote("map")).resolves.toEqualTypeOf<Record<string, DateTime>>();
    expectTypeOf(root.callRemote("big")).resolves.toEqualTypeOf<number | bigint>();
    expectTypeOf(root.callRemote("callAll", { all: [] })).resolves.toEqualTypeOf<null>();
    expectTypeOf(root.callRemote("point")).resolves.toEqualTypeOf<Point>();
  });
});

describe("a reference with call options", () => {
  const timed = root.with({ timeoutMs: 1, signal: new AbortController().signal });

  test("has the same methods, by name and as functions", () => {
    expectTypeOf(timed).toEqualTypeOf<RemoteCaller<Everything>>();
    expectTypeOf(timed.callRemote("text", "a", 2)).resolves.toEqualTypeOf<string>();
    expectTypeOf(timed.call.text("a")).resolves.toEqualTypeOf<string>();
    expectTypeOf(timed.call).toEqualTypeOf(root.call);
    expectTypeOf(timed.call.child()).resolves.toEqualTypeOf<RemoteReference<Child>>();
  });

  test("rejects unknown methods, wrong arguments and unknown options", () => {
    // @ts-expect-error no such method
    void timed.callRemote("nosuch");
    // @ts-expect-error no such method
    void timed.call.nosuch();
    // @ts-expect-error a number is not a string
    void timed.callRemote("text", 1);
    // @ts-expect-error one argument too many
    void timed.call.later(1);
    // @ts-expect-error no such option
    void root.with({ timeout: 1 });
    // @ts-expect-error options are set once
    void timed.with({ timeoutMs: 2 });
    // @ts-expect-error a call without an answer has no options
    timed.sendRemote("later");
  });

  test("has the methods of an interface, of a local reference, and any method of an observer", () => {
    interface Adder {
      add(a: number, b: number): number;
    }
    expectTypeOf(referenceTo<Adder>().with({}).call.add(1, 2)).resolves.toEqualTypeOf<number>();
    expectTypeOf(asLocal(new Child()).with({}).call.ping(1)).resolves.toEqualTypeOf<number>();
    expectTypeOf<CacheObserver["with"]>().returns.toEqualTypeOf<RemoteCaller>();
    expectTypeOf<CacheObserver["call"]>().toEqualTypeOf<RemoteCaller["call"]>();
  });
});

describe("keyword arguments", () => {
  abstract class Library extends Root {
    abstract remote_find(id: number, title?: string, limit?: number): string;
    abstract remote_order(id: number, how?: KwargsOf<{ urgent?: boolean }>): string;
    abstract remote_lend(reader: RemoteReference<Child>): Child[];
  }
  const library = referenceTo<Library>();

  test("follow the positional arguments, or replace optional ones", () => {
    expectTypeOf(library.callRemote("find", 12, kwargs({ limit: 3 }))).resolves.toEqualTypeOf<string>();
    void library.callRemote("find", 12, "Dune", kwargs({ limit: 3 }));
    void library.callRemote("find", 12, "Dune", 3, kwargs({ more: true }));
    void library.with({ timeoutMs: 1 }).callRemote("find", 12, kwargs({ limit: 3 }));
    void library.call.find(12, kwargs({ limit: 3 }));
    library.sendRemote("find", 12, kwargs({ limit: 3 }));
    void root.callRemote("later", kwargs({ soon: true }));
    void root.callRemote("rest", 1, 2, kwargs({ three: 3 }));
    void referenceTo<View>().callRemote("read", 3, kwargs({ loud: true }));
  });

  test("do not loosen the types of the positional arguments", () => {
    // @ts-expect-error a string is not a number
    void library.callRemote("find", "12", kwargs({ limit: 3 }));
    // @ts-expect-error the first parameter is not optional
    void library.callRemote("find", kwargs({ id: 12 }));
    // @ts-expect-error a number is not a string
    void library.callRemote("find", 12, 3, kwargs({ limit: 3 }));
    // @ts-expect-error keyword arguments must be last
    void library.callRemote("find", 12, "Dune", kwargs({ limit: 3 }), 4);
    // @ts-expect-error a plain object is a dict argument, not keyword arguments
    void library.callRemote("find", 12, { limit: 3 });
  });

  test("have the types that the method declares", () => {
    void library.callRemote("order", 12);
    void library.callRemote("order", 12, kwargs({ urgent: true }));
    // @ts-expect-error not a boolean
    void library.callRemote("order", 12, kwargs({ urgent: 1 }));
    // @ts-expect-error a plain object is a dict argument, not keyword arguments
    void library.callRemote("order", 12, { urgent: true });
  });

  test("do not change the types of references", () => {
    expectTypeOf(library.callRemote("lend", new Child(), kwargs({ days: 3 }))).resolves.toEqualTypeOf<
      RemoteReference<Child>[]
    >();
  });
});

describe("views and avatars", () => {
  test("are called without the perspective", () => {
    const view = referenceTo<View>();
    expectTypeOf(view.callRemote("read", 3)).resolves.toEqualTypeOf<string>();
    // @ts-expect-error the caller does not pass the perspective
    void view.callRemote("read", {}, 3);
  });

  test("have their perspective_ methods", () => {
    abstract class Me extends Avatar {
      abstract perspective_whoami(): string;
    }
    const me = referenceTo<Me>();
    expectTypeOf(me.callRemote("whoami")).resolves.toEqualTypeOf<string>();
  });
});

describe("a reference to a Python object", () => {
  test("is typed by an interface of its methods", () => {
    interface Calculator {
      add(a: number, b: number): number;
    }
    const calculator = referenceTo<Calculator>();
    expectTypeOf(calculator.callRemote("add", 1, 2)).resolves.toEqualTypeOf<number>();
    // @ts-expect-error no such method
    void calculator.callRemote("subtract", 1, 2);
  });

  test("accepts any call when no type is given", () => {
    const anything = referenceTo();
    expectTypeOf(anything.callRemote("whatever", 1, kwargs({ two: 2 }))).resolves.toEqualTypeOf<unknown>();
  });
});

test("rootObject and unreferenced receive the connection", () => {
  expectTypeOf<Root["rootObject"]>().parameter(0).toEqualTypeOf<Connection>();
  expectTypeOf<Referenceable["unreferenced"]>().parameter(0).toEqualTypeOf<Connection>();
  expectTypeOf<NonNullable<Callable["unreferenced"]>>().parameter(0).toEqualTypeOf<Connection>();
  expectTypeOf<Broker>().toExtend<Connection>();
});

describe("a reference in place of another", () => {
  interface Greeter {
    greet(name: string): string;
  }
  interface Host extends Greeter {
    seat(name: string): number;
  }

  test("may have more methods, or be of any type where the other one is of unknown type", () => {
    expectTypeOf<RemoteReference<Host>>().toExtend<RemoteReference<Greeter>>();
    expectTypeOf<RemoteReference<Host>>().toExtend<Reference<Greeter>>();
    expectTypeOf<RemoteReference<Child>>().toExtend<RemoteReference>();
    expectTypeOf<CacheObserver<Host>>().toExtend<CacheObserver>();
  });

  test("has no fewer methods, and no other ones", () => {
    expectTypeOf<RemoteReference<Greeter>>().not.toExtend<RemoteReference<Host>>();
    expectTypeOf<RemoteReference>().not.toExtend<RemoteReference<Host>>();
    expectTypeOf<RemoteReference<{ greet(name: string): number }>>().not.toExtend<RemoteReference<Greeter>>();
  });

  test("can be used by a function for references of all types", () => {
    // Once, the compiler needed all of its memory for this function.
    function isEqual<T>(one: RemoteReference<T>, other: Reference): boolean {
      const untyped: RemoteReference = one;
      return untyped === other;
    }
    function both<T>(one: Reference<T>, other: Reference<T>): Reference<T>[] {
      return [one, other];
    }
    const host = referenceTo<Host>();
    expectTypeOf(isEqual).toBeCallableWith(host, host);
    expectTypeOf(both(host, host)).toEqualTypeOf<Reference<Host>[]>();
  });
});

test("a remote reference implements Reference", () => {
  expectTypeOf<RemoteReference<Everything>>().toExtend<Reference<Everything>>();
});
