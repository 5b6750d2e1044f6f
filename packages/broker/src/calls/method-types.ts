// The types of remote methods: which names an object has, and the signatures of each.

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function
export type AnyFunction = (...args: any[]) => unknown;

/** Whether a type is `any`, which stands for everything. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * The keys of methods with a prefix. `remote_echo` is called as `echo`, `perspective_whoami` as `whoami`, `view_read`
 * as `read`, and `observe_set`, of a cache, as `set`.
 */
export type PrefixedKey<T> = keyof T & `${"remote" | "perspective" | "view" | "observe"}_${string}`;

/** The name without its prefix. */
export type Unprefixed<Key> = Key extends `${string}_${infer Name}` ? Name : never;

/** The keys of all methods. */
export type MethodKey<T> = { [Key in keyof T]: T[Key] extends AnyFunction ? Key : never }[keyof T] & string;

/**
 * The names of the methods of `T` that can be called remotely: its prefixed methods, or all methods of an interface
 * without prefixes.
 */
export type MethodName<T, Keys = PrefixedKey<T>> = [Keys] extends [never] ? MethodKey<T> : Unprefixed<Keys>;

export type MethodOf<T, Name extends string> = `remote_${Name}` extends keyof T
  ? T[`remote_${Name}`]
  : `perspective_${Name}` extends keyof T
    ? T[`perspective_${Name}`]
    : `view_${Name}` extends keyof T
      ? WithoutFirst<T[`view_${Name}`]>
      : `observe_${Name}` extends keyof T
        ? T[`observe_${Name}`]
        : Name extends keyof T
          ? T[Name]
          : never;

/** The method of a view without its first parameter, the perspective, which is not sent. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any perspective
type WithoutFirst<F> = F extends (perspective: any, ...args: infer Args) => infer Result
  ? (...args: Args) => Result
  : never;
