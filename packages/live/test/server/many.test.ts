// Many live objects that one connection observes.

import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { Live, liveView } from "@pb/live";
import type { LiveView } from "@pb/live";
import { expect, test } from "vitest";

const COUNT = 1000;

class Rooms extends Root {
  readonly rooms = Array.from({ length: COUNT }, () => new Live({ count: 0 }));
  remote_rooms(): readonly Live<{ count: number }>[] {
    return this.rooms;
  }
  remote_change(): void {
    for (const room of this.rooms) room.update((draft) => (draft.count += 1));
  }
}

test(`${COUNT} of them change before one answer, which arrives after the patches of all`, async () => {
  const root = new Rooms();
  const events: unknown[] = [];
  const types = new TypeRegistry().register(liveView());
  const { client } = await connectedPair({ root, onEvent: (event) => events.push(event) }, { types });
  const remote = await client.getRootObject();
  const views = (await remote.callRemote("rooms")) as readonly LiveView<{ count: number }>[];
  expect(views).toHaveLength(COUNT);
  for (let round = 1; round <= 3; round++) {
    await remote.callRemote("change");
    expect(views.map((view) => view.getSnapshot().count)).toEqual(Array.from({ length: COUNT }, () => round));
  }
  expect(events).toEqual([]);
});
