import { Copyable, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

// The class of the sender.
class Account extends Copyable {
  static readonly remoteType = "bank.Account"; // the name on the wire

  constructor(
    readonly owner: string,
    readonly balance: number,
    readonly pin: string,
  ) {
    super();
  }

  override getStateToCopyFor() {
    return { owner: this.owner, balance: this.balance }; // without the PIN
  }
}

// The class of the receiver.
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

/** The bank as its clients see it: the account arrives as an `AccountCopy`. */
interface BankCalls {
  account(): AccountCopy;
}

const types = new TypeRegistry().register(remoteCopy("bank.Account", AccountCopy));
const { client } = await connectedPair({ root: new Bank() }, { types });
const bank = await client.getRootObject<BankCalls>();
const account = await bank.call.account();
console.log(account.summary);
console.log("pin" in account);
