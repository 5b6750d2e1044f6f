import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Ticket extends Referenceable {}

class Office extends Root {
  remote_ticket() {
    return new Ticket();
  }
}

const { client } = await connectedPair({ root: new Office() }, { traceReferences: true });
const office = await client.getRootObject<Office>();

const forgotten: RemoteReference<Ticket>[] = [];
for (let count = 0; count < 3; count++) forgotten.push(await office.callRemote("ticket"));

const report = client.leakReport(); // one entry for each object: how often it arrived, and the stacks
console.log(report.split("\n").filter((line) => line.startsWith("object")).length);
