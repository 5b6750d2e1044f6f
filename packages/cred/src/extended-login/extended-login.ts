// The protocol of the logins that Twisted does not have: SCRAM-SHA-256 (RFC 5802, RFC 7677) and bearer tokens.
//
//   C: pbx.login.scram(client-first)          S: (server-first, exchange)
//   C: exchange.finish(client-final)          S: (server-final, proven)
//   C: proven.enter(mind)                     S: avatar
//
//   C: pbx.login.bearer(token, mind)          S: avatar
//
// C is the client, S the server. Messages and tokens are bytes. The client sends its mind last, because only a server
// that has proven to know the password may have it.

/**
 * The name under which the object with these logins is published, in addition to the root. A stock Twisted server
 * answers a call to it with "Invalid Object ID", and does not log it. A stock Twisted client does not call it.
 */
export const EXTENDED_LOGIN = "pbx.login";
