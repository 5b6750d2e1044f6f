// Waiting for a login, and giving up.

import { expect, test } from "vitest";
import { waitFor } from "../src/patience.js";

test("what comes in the turn in which it is given up is discarded, and not handed out as well", async () => {
  const controller = new AbortController();
  const discarded: string[] = [];
  let answer!: (value: string) => void;
  const work = () => new Promise<string>((resolve) => (answer = resolve));
  const waiting = waitFor("It", { signal: controller.signal }, work, (late) => discarded.push(late));
  const reason = new Error("enough");
  answer("an avatar");
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  expect(discarded).toEqual(["an avatar"]);
});

test("waits for ever when told to", async () => {
  const work = () => new Promise<string>((resolve) => setTimeout(() => resolve("an avatar"), 50));
  expect(await waitFor("It", { timeoutMs: Infinity }, work, () => undefined)).toBe("an avatar");
});
