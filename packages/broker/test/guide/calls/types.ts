import { kwargs, Referenceable, Root } from "@pb/broker";
import type { KwargsOf, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Alarm extends Referenceable {
  remote_ring(temperature: number) {
    console.log(`Alarm: ${temperature} degrees`);
  }
}

/** An object of a Python server that is sent as a reference: an interface that extends `Referenceable`. */
interface Station extends Referenceable {
  remote_temperature(): number;
  remote_watch(alarm: RemoteReference<Alarm>): void;
}

/** The root of the Python server: an interface whose methods have no prefix. */
interface Weather {
  station(name: string): Station;
  forecast(city: string, options: KwargsOf<{ days: number }>): number[];
}

// These two classes take the place of the Python server.
class HarborStation extends Referenceable {
  remote_temperature() {
    return 14;
  }
  remote_watch(alarm: RemoteReference<Alarm>) {
    return alarm.call.ring(31);
  }
}
class WeatherService extends Root {
  remote_station() {
    return new HarborStation();
  }
  remote_forecast(_city: string, { days }: KwargsOf<{ days: number }>) {
    return [12, 9, 15].slice(0, days);
  }
}

const { client } = await connectedPair({ root: new WeatherService() });
const weather = await client.getRootObject<Weather>();
const forecast = await weather.call.forecast("Bergen", kwargs({ days: 3 })); // number[]
console.log(Math.max(...forecast));

const station = await weather.call.station("harbor"); // RemoteReference<Station>
console.log((await station.call.temperature()) + 1); // number
await station.call.watch(new Alarm()); // pass the object where the method receives a reference

// @ts-expect-error -- the compiler reports a misspelled method
weather.sendRemote("forcast", "Bergen");
// @ts-expect-error -- and an argument of the wrong type
weather.sendRemote("station", 7);
