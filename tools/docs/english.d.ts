// The types of english.js, for the test. The rule is JavaScript because ESLint's configuration imports it.

import type { Rule } from "eslint";

export const english: Rule.RuleModule;
export function findBritishSpelling(text: string): string | undefined;
