import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Job extends Referenceable {}

class JobServer extends Root {
  remote_createJob() {
    return new Job();
  }
}

const { client } = await connectedPair({ root: new JobServer() }, { traceReferences: true });
const jobs = await client.getRootObject<JobServer>();

const leaked: RemoteReference<Job>[] = [];
for (let count = 0; count < 3; count++) leaked.push(await jobs.call.createJob());

const report = client.leakReport();
const entries = report.split("\n").filter((line) => line.startsWith("object"));
console.log(`${entries.length} objects are held`);
