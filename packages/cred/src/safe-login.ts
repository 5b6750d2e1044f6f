// Logins that Twisted does not have: SCRAM-SHA-256 (RFC 5802, RFC 7677) and bearer tokens. What both ends know about them.
//
//   C: pbx.login.scram(client-first)          S: (server-first, exchange)
//   C: exchange.finish(client-final)          S: (server-final, entrance)
//   C: entrance.enter(mind)                   S: avatar
//
//   C: pbx.login.bearer(token, mind)          S: avatar
//
// Messages and tokens are bytes. The mind comes last: a server that has not proven to know the password is not to have it.

/**
 * The name of the object, beside the root. A stock Twisted server answers a call to it with "Invalid Object ID", and does not log it; a stock
 * Twisted client never asks.
 */
export const SAFE_LOGIN = "pbx.login";
