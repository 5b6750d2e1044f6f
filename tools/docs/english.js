// An ESLint rule for the parts of our English rules (CONTRIBUTING.md) that a program can check.

const LINE_WIDTH = 120;
const BRITISH_SPELLINGS = [
  /\b(?:behavi|col|fav|flav|harb|hon|lab|neighb|rum)our\w*/i,
  /\b(?:un|de|re)?(?:author|canonical|capital|central|custom|emphas|final|general|initial|local|maxim|memor|minim|normal|optim|organ|priorit|real|recogn|serial|special|standard|summar|synchron|util|visual)is(?:e[ds]?|ing|er|ation|able)s?\b/i,
  /\b(?:cancel|label|level|model|signal|travel)l(?:ed|ing|er)s?\b/i,
  /\b(?:analys(?:e[ds]?|ing)|artefacts?|catalogues?|centres?|defence|(?<!earl )grey|judgement|licences?|learnt|whilst)\b/i,
];
const UNBREAKABLE = /:\/\/|eslint-disable|prettier-ignore|@ts-expect-error/;
const RIDDLE = /(?:^|[.:;!?]\s+)(Whoever|Who|Somebody|Someone|Nobody|What (?:came|comes|is there))\b/;

/** Returns the first British spelling in a text, or undefined. Code in backticks is ignored. */
export function findBritishSpelling(text) {
  const prose = text.replace(/`[^`]*`/g, "");
  return BRITISH_SPELLINGS.map((pattern) => pattern.exec(prose)?.[0]).find((word) => word !== undefined);
}

/** Single words and names of properties can be data that others define. */
function isProse(literal) {
  return typeof literal.value === "string" && literal.value.includes(" ") && literal.parent.key !== literal;
}

export const english = {
  meta: {
    type: "suggestion",
    schema: [],
    messages: {
      width: `Wrap comments at ${LINE_WIDTH} columns.`,
      spelling: 'Use American spelling instead of "{{word}}".',
      subject: 'Begin the sentence with a thing that exists in the code instead of "{{word}}".',
    },
  },
  create(context) {
    const { sourceCode } = context;
    const checkSpelling = (node, text) => {
      const word = findBritishSpelling(text);
      if (word !== undefined) context.report({ loc: node.loc, messageId: "spelling", data: { word } });
    };
    const checkComment = (comment) => {
      checkSpelling(comment, comment.value);
      const text = comment.value.replace(/^[\s*]+/gm, " ").trim();
      const word = RIDDLE.exec(text)?.[1];
      if (word !== undefined) context.report({ loc: comment.loc, messageId: "subject", data: { word } });
      for (let line = comment.loc.start.line; line <= comment.loc.end.line; line += 1) {
        const source = sourceCode.lines[line - 1];
        if (source.length > LINE_WIDTH && !UNBREAKABLE.test(source)) {
          context.report({ loc: { line, column: LINE_WIDTH }, messageId: "width" });
        }
      }
    };
    return {
      Program: () => sourceCode.getAllComments().forEach(checkComment),
      Literal: (node) => isProse(node) && checkSpelling(node, node.value),
      TemplateElement: (node) => checkSpelling(node, node.value.raw),
    };
  },
};
