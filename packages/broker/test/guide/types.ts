import { kwargs, Referenceable, Root } from "@pb/broker";
import type { KwargsOf, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Alarm extends Referenceable {
  remote_ring(temperature: number) {
    console.log(`${temperature} degrees!`);
  }
}

/** A station of a Python server. It stays there, so it is a Referenceable with `remote_` methods. */
interface Station extends Referenceable {
  remote_temperature(): number;
  remote_watch(alarm: RemoteReference<Alarm>): void;
}

/** Its root: a plain interface of the methods, without prefixes, will do. */
interface Weather {
  station(name: string): Station;
  forecast(city: string, options: KwargsOf<{ days: number }>): number[];
}

// Stands in for the Python server here.
class Harbour extends Referenceable {
  remote_temperature() {
    return 14;
  }
  remote_watch(alarm: RemoteReference<Alarm>) {
    return alarm.callRemote("ring", 31);
  }
}
class Service extends Root {
  remote_station() {
    return new Harbour();
  }
  remote_forecast(_city: string, { days }: KwargsOf<{ days: number }>) {
    return [12, 9, 15].slice(0, days);
  }
}

const { client } = await connectedPair({ root: new Service() });
const weather = await client.getRootObject<Weather>();
const forecast = await weather.callRemote("forecast", "Bergen", kwargs({ days: 3 }));
console.log(Math.max(...forecast)); // number[]

const station = await weather.callRemote("station", "harbour"); // RemoteReference<Station>
console.log((await station.callRemote("temperature")) + 1); // number
await station.callRemote("watch", new Alarm()); // a Referenceable where the method takes a reference

// @ts-expect-error -- the compiler knows the methods
weather.sendRemote("forcast", "Bergen");
// @ts-expect-error -- and their arguments
weather.sendRemote("station", 7);
