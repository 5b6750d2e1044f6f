// What stands for the value of an entry that a dict or list does not have.

export const ABSENT: unique symbol = Symbol("absent");
