// The hooks of a broker (`telemetry`), under names of their own, and several of them as one.

import type { BrokerOptions } from "@pb/broker";

/** The hooks of a broker: the option `telemetry` of `@pb/broker`. */
export type Telemetry = NonNullable<BrokerOptions["telemetry"]>;
type Outgoing = NonNullable<Telemetry["outgoing"]>;
type Incoming = NonNullable<Telemetry["incoming"]>;

/** A call of this end, when it starts. */
export type CallMade = Parameters<Outgoing>[0];
/** A call of the peer, when it starts. */
export type CallArrived = Parameters<Incoming>[0];
/** Follows a call until its end. */
export type CallObserver = NonNullable<ReturnType<Incoming>>;
/** How a call ended. */
export type CallEnd = Parameters<NonNullable<CallObserver["settled"]>>[0];

/**
 * Several hooks as one. Each observes all calls, in the order of the arguments. A call has the trace of the last of
 * them that returns one. What one throws is reported, as that of a single one, and does not keep the others from
 * following the call.
 */
export function combine(...all: readonly Telemetry[]): Telemetry {
  const outgoing = all.map((each) => each.outgoing?.bind(each)).filter((hook) => hook !== undefined);
  const incoming = all.map((each) => each.incoming?.bind(each)).filter((hook) => hook !== undefined);
  return {
    ...(outgoing.length > 0 && { outgoing: (call: CallMade) => observe(outgoing, call) }),
    ...(incoming.length > 0 && { incoming: (call: CallArrived) => observe(incoming, call) }),
  };
}

function observe<Call>(
  hooks: readonly ((call: Call) => CallObserver | undefined)[],
  call: Call,
): CallObserver | undefined {
  const errors: unknown[] = [];
  const observers = hooks.flatMap((hook) => attempt(() => hook(call), errors) ?? []);
  if (observers.length === 0 && errors.length === 0) return undefined;
  const { traceparent, tracestate, baggage } = observers.findLast((each) => each.traceparent !== undefined) ?? {};
  const runs = observers.map((each) => each.run?.bind(each)).filter((run) => run !== undefined);
  return {
    traceparent,
    tracestate,
    baggage,
    run: runs.length === 0 ? undefined : nested(runs),
    settled(end) {
      for (const observer of observers) attempt(() => observer.settled?.(end), errors);
      if (errors.length === 1) throw errors[0];
      if (errors.length > 1) throw new AggregateError(errors, `${errors.length} hooks of a call have failed`);
    },
  };
}

/** Each runs the method in what the ones before have entered. */
function nested(runs: readonly NonNullable<CallObserver["run"]>[]): NonNullable<CallObserver["run"]> {
  return (method) => runs.reduceRight<() => void>((inner, run) => () => run(inner), method)();
}

/** Keeps the error for the end of the call, where the broker reports it. */
function attempt<Result>(hook: () => Result, errors: unknown[]): Result | undefined {
  try {
    const result = hook();
    if (!(result instanceof Promise)) return result;
    result.catch((error: unknown) => errors.push(error));
  } catch (error) {
    errors.push(error);
  }
  return undefined;
}
