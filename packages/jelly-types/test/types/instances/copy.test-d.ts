import { TypeRegistry } from "@pb/jelly-types";
import { expectTypeOf, test } from "vitest";

class Point {
  x = 0;
  y = 0;
}

test("the type of the state is inferred from getState", () => {
  new TypeRegistry().registerCopy("Point", Point, {
    getState: (point) => [point.x, point.y] as const,
    setState(point, state) {
      expectTypeOf(point).toEqualTypeOf<Point>();
      expectTypeOf(state).toEqualTypeOf<readonly [number, number]>();
    },
  });
  new TypeRegistry().registerCopy("Point", Point, {
    getState: ({ x }) => ({ x }),
    create(state) {
      expectTypeOf(state).toEqualTypeOf<{ x: number }>();
      return new Point();
    },
  });
});

test("without getState, the state is a record of unknown values", () => {
  new TypeRegistry().registerCopy("Point", Point, {
    setState(_point, state) {
      expectTypeOf(state).toEqualTypeOf<Record<string, unknown>>();
    },
    afterRead(point) {
      expectTypeOf(point).toEqualTypeOf<Point>();
    },
  });
});

test("create must return an instance of the class", () => {
  new TypeRegistry().registerCopy("Point", Point, {
    // @ts-expect-error: not a Point
    create: () => "a point",
  });
});

test("the type of the state is inferred from parse", () => {
  new TypeRegistry().registerCopy("Point", Point, {
    parse: (state) => state as { x: number },
    setState(_point, state) {
      expectTypeOf(state).toEqualTypeOf<{ x: number }>();
    },
  });
});
