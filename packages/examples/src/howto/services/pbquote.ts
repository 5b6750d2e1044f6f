// Makes an existing service available over PB. (howto/TwistedQuotes/pbquote.py)

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

interface Quoter {
  getQuote(): string;
}

export class QuoteReader extends Root {
  readonly #quoter: Quoter;

  constructor(quoter: Quoter) {
    super();
    this.#quoter = quoter;
  }

  remote_nextQuote(): string {
    return this.#quoter.getQuote();
  }
}

const quoter = { getQuote: () => "An apple a day keeps the doctor away." };
await listen(`tcp:${process.argv[2] ?? 8787}:interface=127.0.0.1`, new QuoteReader(quoter));
