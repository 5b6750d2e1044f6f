// The page of the auction: takes a seat, shows the board, and bids.

import { RemoteError } from "@pb/broker";
import { live } from "@pb/live";
import type { LastingView } from "@pb/live";
import { reconnecting } from "@pb/web-transport";
import type { ReconnectingClient, ReconnectState } from "@pb/web-transport";
import type { Door, Seat } from "./auction.js";
import { types } from "./board.js";
import type { BoardState } from "./board.js";

const element = (id: string): HTMLElement => document.getElementById(id)!;
const amount = element("amount") as HTMLInputElement;
const bidButton = element("bid").querySelector("button")!;

const texts: Readonly<Record<ReconnectState["is"], string>> = {
  connecting: "Connecting …",
  ready: "Connected",
  waiting: "Connection lost",
  stopped: "Offline",
};

let client: ReconnectingClient<Seat> | undefined;
/** Follows the board over all connections of the client. */
let view: LastingView<BoardState>;
let board: BoardState | undefined;
let soldAt = 0;

/** Connects, and connects again whenever the connection is lost. Each connection takes the seat again. */
function goOnline(name: string): void {
  client = reconnecting<Seat>("/pb", {
    broker: { types },
    login: async (connection) => (await connection.getRootObject<Door>()).callRemote("enter", name),
    // A name that is refused once is refused again.
    isFinal: (error) => error instanceof RemoteError && error.is("auction.Refused"),
    onState: showState,
  });
  view = live(client, (seat) => seat.callRemote("board"));
  view.subscribe(() => {
    if (view.status === "live") show(view.getSnapshot()!);
  });
  element("message").textContent = "";
  element("online").textContent = "Go offline";
}

function showState(state: ReconnectState<Seat>): void {
  const { is } = state;
  element("status").textContent = texts[is];
  element("status").className = is;
  bidButton.disabled = is !== "ready";
  if (is !== "stopped" || state.cause === undefined) return;
  element("message").textContent = (state.cause as Error).message;
  element("enter").hidden = false;
  element("online").hidden = true;
}

function show(state: BoardState): void {
  const isNew = state.lot !== board?.lot;
  board = state;
  soldAt = performance.now() + state.msLeft;
  element("room").hidden = false;
  element("lot").textContent = state.lot;
  element("price").textContent = String(state.price);
  element("leader").textContent = state.leader === null ? "starting price" : `bid by ${state.leader}`;
  amount.min = String(state.price + 1);
  if (isNew || Number(amount.value) <= state.price) amount.value = String(state.price + 5);
  element("bidders").replaceChildren(
    ...state.bidders.map(({ name, isHere }) => item(isHere ? name : `${name} (offline)`, isHere ? "here" : "away")),
  );
  const sales = state.sales.length > 0 ? state.sales : ["nothing yet"];
  element("sales").replaceChildren(...sales.map((sale) => item(sale, "sale")));
  showClock();
}

function item(text: string, className: string): HTMLElement {
  return Object.assign(document.createElement("li"), { textContent: text, className });
}

function showClock(): void {
  if (board === undefined) return;
  const left = Math.max(0, soldAt - performance.now());
  element("clock").textContent = `${Math.ceil(left / 1000)} s left`;
  Object.assign(element("left"), { max: board.lotMs, value: left });
}
setInterval(showClock, 200);

function enter(name: string): void {
  sessionStorage.setItem("name", name); // for the next load of this tab
  element("enter").hidden = true;
  element("online").hidden = false;
  goOnline(name);
}

element("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  enter((element("name") as HTMLInputElement).value.trim());
});

element("bid").addEventListener("submit", (event) => {
  event.preventDefault();
  const message = element("message");
  message.textContent = "";
  client!.callRemote("bid", board!.lot, amount.valueAsNumber).catch((error: unknown) => {
    message.textContent = (error as Error).message;
  });
});

element("online").addEventListener("click", () => {
  if (client!.state.is === "stopped") goOnline(sessionStorage.getItem("name")!);
  else {
    void client!.close();
    element("online").textContent = "Go online";
  }
});

const known = sessionStorage.getItem("name");
if (known !== null) enter(known);
else element("name").focus();
