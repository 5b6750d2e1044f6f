export function keyOf(mutant: {
  readonly fileName: string;
  readonly location: Readonly<Record<"start" | "end", { readonly line: number; readonly column: number }>>;
  readonly replacement: string;
}): string;
