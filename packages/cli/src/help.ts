// The parts that the help of several commands has.

/** Examples, one on each line. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

export const endpointHelp = "tcp:host:8787, tls:host:8788:trustRoots=ca.pem, unix:/path, pb://host";

export const redactHelp = "a further name of fields and methods whose values are secret; can be repeated";

/** Adds the value of an option that can be repeated. */
export function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}
