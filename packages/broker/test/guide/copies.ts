import { Copyable, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Account extends Copyable {
  static readonly remoteType = "bank.Account"; // its name on the wire

  constructor(
    readonly owner: string,
    readonly balance: number,
    readonly pin: string,
  ) {
    super();
  }

  override getStateToCopyFor() {
    return { owner: this.owner, balance: this.balance }; // never the PIN
  }
}

class AccountCopy extends RemoteCopy {
  declare readonly owner: string;
  declare readonly balance: number;

  get summary() {
    return `${this.owner} has ${this.balance}`;
  }
}

class Bank extends Root {
  remote_account() {
    return new Account("Ann", 120, "0000");
  }
}

/** What a client sees of it: the account arrives as an AccountCopy. */
interface BankCalls {
  account(): AccountCopy;
}

const types = new TypeRegistry().register(remoteCopy("bank.Account", AccountCopy));
const { client } = await connectedPair({ root: new Bank() }, { types });
const bank = await client.getRootObject<BankCalls>();
const account = await bank.callRemote("account");
console.log(account.summary);
console.log("pin" in account);
