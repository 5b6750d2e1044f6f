// Drafts: what a recipe changes in place of a frozen state.

import { ABSENT } from "../absent.js";
import { isWide } from "../changes.js";
import { FORBIDDEN_KEY } from "../limits.js";
import { WideDict } from "../wide-dict.js";
import { drafts, requireActive, Session, showContents } from "./container-draft.js";
import type { ContainerDraft } from "./container-draft.js";
import { DictDraft, WideDraft } from "./dict-drafts.js";
import { ListDraft, listMethods } from "./list-draft.js";

/** The draft of a state: the same type without `readonly`, at all depths. A recipe changes it. */
export type Draft<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { -readonly [Key in keyof T]: Draft<T[Key]> }
    : T;

/**
 * Begins a draft of a state, which is frozen. `finish` returns the next state, in which each list and dict that
 * the recipe has not changed is the same object as before. If `isLazy`, wide dicts that the recipe has changed are
 * `WideDict`s. After `end`, the draft throws `TypeError` when it is used.
 */
export function draftOf<State extends object>(
  state: State,
  isLazy: boolean,
): { readonly draft: Draft<State>; finish(): unknown; end(): void } {
  const session = new Session(isLazy, create);
  const root = create(state, undefined, session);
  return {
    draft: root.proxy as Draft<State>,
    finish: () => root.finish(),
    end: () => void (session.isOver = true),
  };
}

function create(value: object, parent: ContainerDraft | undefined, session: Session): ContainerDraft {
  const draft = newDraft(value, parent, session);
  // `Array.isArray` looks at the target.
  draft.proxy = new Proxy<Target>(draft instanceof ListDraft ? showContents([draft]) : draft, handler);
  drafts.set(draft.proxy, draft);
  return draft;
}

function newDraft(value: object, parent: ContainerDraft | undefined, session: Session): ContainerDraft {
  if (Array.isArray(value)) return new ListDraft(value, parent, session);
  if (session.isLazy && (WideDict.known(value) !== undefined || isWide(value)))
    return new WideDraft(value, parent, session);
  return new DictDraft(value as Record<string, unknown>, parent, session);
}

type Target = ContainerDraft | [ContainerDraft];

const draftIn = (target: Target): ContainerDraft => requireActive(Array.isArray(target) ? target[0] : target);

const prototypeOf = (target: Target): object => (Array.isArray(target) ? Array.prototype : Object.prototype);

const handler: ProxyHandler<Target> = {
  get(target, key, receiver) {
    const value = draftIn(target).get(key);
    if (value !== ABSENT) return value;
    const method = Array.isArray(target) ? listMethods.get(key) : undefined;
    return method ?? (Reflect.get(prototypeOf(target), key, receiver) as unknown);
  },
  set(target, key, value) {
    if (key === FORBIDDEN_KEY) throw new TypeError(`The state cannot contain the key ${FORBIDDEN_KEY}`);
    const draft = draftIn(target);
    if (Object.is(draft.read(key), value)) return true;
    draft.write(key, value);
    draft.modify();
    return true;
  },
  deleteProperty(target, key) {
    const draft = draftIn(target);
    if (draft.read(key) === ABSENT) return true;
    draft.remove(key);
    draft.modify();
    return true;
  },
  has: (target, key) => draftIn(target).read(key) !== ABSENT || key in prototypeOf(target),
  ownKeys: (target) => draftIn(target).keys() as (string | symbol)[],
  getOwnPropertyDescriptor(target, key) {
    const value = draftIn(target).get(key);
    const isLength = Array.isArray(target) && key === "length";
    return value === ABSENT ? undefined : { value, writable: true, enumerable: !isLength, configurable: !isLength };
  },
  getPrototypeOf: prototypeOf,
  setPrototypeOf: () => refuse("The prototype of a draft cannot be set"),
  defineProperty: () => refuse("A property of a draft can only be set"),
  preventExtensions: () => refuse("A draft cannot be frozen"),
};

function refuse(problem: string): never {
  throw new TypeError(problem);
}
