// How the programs of the demo tell what happened: one line of JSON each time, what and with which outcome.

export function tell(what: string, outcome: unknown): void {
  console.log(JSON.stringify([what, outcome]));
}
