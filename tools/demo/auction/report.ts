// Reports an event of a demo program to the demo: one line of JSON on stdout with the event and its result.

export function report(event: string, result: unknown): void {
  console.log(JSON.stringify([event, result]));
}
