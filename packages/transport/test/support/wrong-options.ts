// Values that an option of another kind may be given by mistake.

const odd = {
  NaN,
  "-1": -1,
  Infinity,
  text: "5",
  true: true,
  list: [],
  object: {},
  function: (): number => 1,
  null: null,
  bigint: 5n,
};

/**
 * A row for each odd value of each option that is not right for it. `right` lists those that are. The name `a.b` stands
 * for the option `b` in the object `a`.
 */
export function wrongOptions(
  right: Readonly<Record<string, readonly (keyof typeof odd)[]>>,
): [name: string, what: string, options: object][] {
  return Object.entries(right).flatMap(([path, accepted]) => {
    const names = path.split(".").reverse();
    const wrong = Object.entries(odd).filter(([what]) => !(accepted as readonly string[]).includes(what));
    return wrong.map(([what, value]): [string, string, object] => [
      names[0]!,
      `${path}: ${what}`,
      names.reduce<unknown>((inner, name) => ({ [name]: inner }), value) as object,
    ]);
  });
}

/** The options that `reconnecting` of each transport has. */
export const rightForReconnecting: Parameters<typeof wrongOptions>[0] = {
  login: ["function"],
  loginMs: ["Infinity"],
  backoff: ["object"],
  "backoff.firstMs": ["Infinity"],
  "backoff.highestMs": ["Infinity"],
  "backoff.factor": ["Infinity"],
  "backoff.jitter": [],
  "backoff.attempts": ["Infinity"],
  "backoff.stableMs": ["Infinity"],
  "backoff.frstMs": [],
  isFinal: ["function"],
  whileDown: [],
  idempotent: ["list"],
  onState: ["function"],
};

/** Those that it has in common with `connect`. */
export const rightForConnect: Parameters<typeof wrongOptions>[0] = {
  connectMs: ["Infinity"],
  liveness: ["object"],
  "liveness.intervalMs": ["Infinity"],
  "liveness.answerMs": ["Infinity"],
  "liveness.interval": [],
  broker: ["object"],
  "broker.onEvent": ["function"],
  "broker.limits.messageBytes": ["Infinity"],
  signal: ["null"],
  conectMs: [],
};
