// The types of calls beyond single values: advice in errors, overloads, observers, broadcasts and pages.

import { describe, expectTypeOf, test } from "vitest";
import { broadcast, getAllPages, getPages, kwargs, PageCollector, pagesOf, Referenceable, sendPages } from "@pb/broker";
import type {
  asLocal,
  Cacheable,
  CacheObserver,
  Kwargs,
  KwargsOf,
  PageCollectorMethods,
  Reference,
  RemoteCache,
  RemoteReference,
  Viewable,
} from "@pb/broker";
import type { ViewPoint } from "@pb/broker/extension";
import type { DateTime } from "@pb/jelly-types";

declare function referenceTo<T>(): RemoteReference<T>;

class Customer extends Referenceable {
  remote_name(): string {
    return "Ann";
  }
}
interface Till extends Viewable {
  view_total(customer: Customer, at: DateTime): number;
}
interface Shop {
  at(when: Date): void;
  link(): URL;
  links(): Promise<readonly { readonly home: URL }[]>;
  plain(text: string): { readonly name: string; readonly message: string };
  echo(customer: RemoteReference<Customer>): RemoteReference<Customer>;
  echoes(): { readonly all: RemoteReference<Customer>[] };
  isTill(till: Till): boolean;
  seen(till: ViewPoint): void;
  find(id: number): Customer;
  find(name: string, exact?: boolean): Customer[];
  price(pounds: number | string): number;
  price(pounds: number): string;
  any(): any;
  generic<T extends string>(value: T): T;
  options(options: KwargsOf<{ readonly customer: RemoteReference<Customer>; readonly at?: DateTime }>): void;
}
declare const shop: RemoteReference<Shop>;
declare const till: RemoteReference<Till>;

describe("advice", () => {
  test("is in the type of a parameter that never arrives", () => {
    // @ts-expect-error a Date arrives as a DateTime
    void shop.callRemote("at", new Date());
    // @ts-expect-error the same for a call without an answer
    shop.sendRemote("at", new Date());
    // @ts-expect-error a Viewable arrives as a ViewPoint
    void shop.call.isTill(till);
    void shop.call.seen(till);
  });

  test("is in the place of a method whose result cannot be sent", () => {
    // @ts-expect-error a URL cannot be sent
    void shop.callRemote("link");
    // @ts-expect-error a URL cannot be sent
    void shop.call.link();
    // @ts-expect-error a URL cannot be sent
    void shop.with({ timeoutMs: 1 }).callRemote("links");
    shop.sendRemote("link"); // has no answer
  });

  test("is not given for plain data that has the members of an Error", () => {
    expectTypeOf(shop.callRemote("plain", "a")).resolves.toEqualTypeOf<{
      readonly name: string;
      readonly message: string;
    }>();
  });
});

describe("references", () => {
  test("that are returned to the end of their object arrive as the object", () => {
    expectTypeOf(shop.callRemote("echo", new Customer())).resolves.toEqualTypeOf<Customer>();
    expectTypeOf(shop.callRemote("echoes")).resolves.toEqualTypeOf<{ readonly all: Customer[] }>();
  });

  test("can be keyword arguments", () => {
    void shop.call.options(kwargs({ customer: new Customer(), at: new Date() }));
    // @ts-expect-error text is not a customer
    void shop.call.options(kwargs({ customer: "Ann" }));
  });
});

describe("keyword arguments", () => {
  interface Finder {
    find(text: string, options?: KwargsOf<{ limit?: number; sort?: string }>): string[];
    any(options: Kwargs): void;
    table(options: KwargsOf<Record<string, number>>): void;
  }
  const finder = referenceTo<Finder>();
  const local: Reference<Finder> = finder;

  test("may be left out, held in a variable, or be none", () => {
    void finder.call.find("x", kwargs({ limit: 3 }));
    const options = kwargs({ sort: "name" });
    void finder.callRemote("find", "x", options);
    void finder.callRemote("find", "x", kwargs({}));
    void finder.call.any(kwargs({ anything: [1] }));
    void finder.call.table(kwargs({ a: 1, b: 2 }));
  });

  test("that the method does not have do not compile, also beside right ones", () => {
    // @ts-expect-error misspelled
    void finder.call.find("x", kwargs({ limt: 3 }));
    // @ts-expect-error misspelled
    void finder.callRemote("find", "x", kwargs({ sort: "name", limt: 3 }));
    // @ts-expect-error misspelled
    void local.callRemote("find", "x", kwargs({ limt: 3 }));
    // @ts-expect-error misspelled
    finder.sendRemote("find", "x", kwargs({ limt: 3 }));
    const options = kwargs({ limt: 3 });
    // @ts-expect-error misspelled
    void finder.with({ timeoutMs: 1 }).call.find("x", options);
    // @ts-expect-error a value of another type
    void finder.call.find("x", kwargs({ limit: "3" }));
  });
});

describe("overloads", () => {
  test("have their own arguments and results", () => {
    expectTypeOf(shop.call.find(1)).resolves.toEqualTypeOf<RemoteReference<Customer>>();
    expectTypeOf(shop.call.find("Ann", true)).resolves.toEqualTypeOf<RemoteReference<Customer>[]>();
    // By name, the compiler does not know which overload it is.
    type Found = RemoteReference<Customer> | RemoteReference<Customer>[];
    expectTypeOf(shop.callRemote("find", 1)).resolves.toEqualTypeOf<Found>();
    expectTypeOf(shop.callRemote("find", "Ann", true)).resolves.toEqualTypeOf<Found>();
    // @ts-expect-error no overload takes a boolean
    void shop.callRemote("find", true);
    // @ts-expect-error no overload takes a boolean
    void shop.call.find(true);
  });

  test("count, also where the last one takes less than the one before", () => {
    expectTypeOf(shop.call.price("1")).resolves.toEqualTypeOf<number>();
    expectTypeOf(shop.callRemote("price", "1")).resolves.toEqualTypeOf<number | string>();
  });

  test("are not needed for generic methods, and for any", () => {
    expectTypeOf(shop.callRemote("any")).resolves.toBeAny();
    expectTypeOf(shop.callRemote("generic", "a")).resolves.toEqualTypeOf<string>();
  });
});

describe("observers", () => {
  interface StockCopy extends RemoteCache {
    observe_setApples(apples: number, at?: DateTime): void;
    observe_count(): number;
  }
  const observer = null as unknown as CacheObserver<StockCopy>;
  const observers = new Set([observer]);

  test("have the methods of the copy", () => {
    void observer.callRemote("setApples", 1, new Date());
    expectTypeOf(observer.call.count()).resolves.toEqualTypeOf<number>();
    observer.sendRemote("setApples", 1);
    // @ts-expect-error no such method
    observer.sendRemote("setPears", 1);
    // @ts-expect-error not a number
    void observer.callRemote("setApples", "1");
  });

  test("get a broadcast of such a method only", () => {
    broadcast(observers, "setApples", 1);
    broadcast([referenceTo<Shop>()], "plain", "a");
    broadcast(new Set<CacheObserver>(), "anything", 1, "a");
    // @ts-expect-error no such method
    broadcast(observers, "typo");
    // @ts-expect-error not a number
    broadcast(observers, "setApples", "1");
    // @ts-expect-error no such method
    broadcast([referenceTo<Shop>()], "typo");
  });

  test("can be the observers that a Cacheable gets", () => {
    abstract class Stock {
      abstract getStateToCacheAndObserveFor(perspective: object | null, observer: CacheObserver<StockCopy>): unknown;
      abstract stoppedObserving(perspective: object | null, observer: CacheObserver<StockCopy>): void;
    }
    expectTypeOf<Stock>().toExtend<Pick<Cacheable, "getStateToCacheAndObserveFor" | "stoppedObserving">>();
  });
});

describe("pages", () => {
  interface Files {
    video(collector: RemoteReference<PageCollectorMethods<Uint8Array>>, name: string): void;
    lines(collector: RemoteReference<PageCollectorMethods>): void;
    dates(collector: RemoteReference<PageCollectorMethods<DateTime>>): void;
    names(): string[];
  }
  const files = null as unknown as RemoteReference<Files>;

  test("have the type that the collector declares", () => {
    expectTypeOf(getPages(files, "video", "a")).toEqualTypeOf<AsyncIterableIterator<Uint8Array>>();
    expectTypeOf(getAllPages(files.with({ timeoutMs: 1 }), "video", "a")).resolves.toEqualTypeOf<Uint8Array[]>();
    expectTypeOf(getAllPages(files, "lines")).resolves.toEqualTypeOf<unknown[]>();
    expectTypeOf(getPages(null as unknown as RemoteReference, "anything", 1)).toEqualTypeOf<
      AsyncIterableIterator<unknown>
    >();
    void files.callRemote("video", new PageCollector<Uint8Array>(), "a");
  });

  test("come from methods that take a collector first", () => {
    // @ts-expect-error not a method that sends pages
    getPages(files, "names");
    // @ts-expect-error no such method
    void getAllPages(files, "typo");
    // @ts-expect-error an argument is missing
    getPages(files, "video");
    // @ts-expect-error an argument of the wrong type
    getPages(files, "video", 1);
  });

  test("are sent with the type that the collector declares", () => {
    const collector = null as unknown as RemoteReference<PageCollectorMethods<Uint8Array>>;
    void sendPages(collector, pagesOf(new Uint8Array(3)));
    void sendPages(null as unknown as RemoteReference<PageCollectorMethods<DateTime>>, [new Date()]);
    // @ts-expect-error text is not bytes
    void sendPages(collector, ["text"]);
  });
});

test("a local reference has the same types", () => {
  type Local = ReturnType<typeof asLocal<Customer>>;
  expectTypeOf<Local["call"]>().toEqualTypeOf<RemoteReference<Customer>["call"]>();
  expectTypeOf<Local["call"]["name"]>().parameters.toEqualTypeOf<[kwargs?: Kwargs]>();
});
