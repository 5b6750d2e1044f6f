// Scripts that complete the commands and options of `pb` in a shell.

import type { Command } from "commander";

export const shells: readonly string[] = ["bash", "zsh", "fish"];

/** The words that can follow each command. */
interface Words {
  readonly name: string;
  readonly description: string;
  readonly options: readonly { readonly flag: string; readonly description: string }[];
  readonly choices: readonly string[];
}

/** The script for a shell of {@link shells}. */
export function completionScript(shell: string, program: Command): string {
  const commands = program.commands.map(wordsOf);
  if (shell === "fish") return fish(commands);
  // zsh can run completions of bash.
  return shell === "zsh"
    ? `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`
    : bash(commands);
}

function wordsOf(command: Command): Words {
  return {
    name: command.name(),
    description: command.description(),
    options: command.options.map(({ long, description }) => ({ flag: long!, description })),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function bash(commands: readonly Words[]): string {
  const cases = commands.map(({ name, options, choices }) => {
    const words = [...options.map(({ flag }) => flag), "--help", ...choices];
    return `    ${name}) words="${words.join(" ")}" ;;`;
  });
  return `_pb() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="${commands.map(({ name }) => name).join(" ")} help --help --version" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(" ")} help --help --version"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pb pb
`;
}

function fish(commands: readonly Words[]): string {
  const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
  return commands
    .flatMap(({ name, description, options, choices }) => [
      `complete -c pb -n __fish_use_subcommand -f -a ${name} -d ${quote(description)}`,
      ...options.map(
        (option) =>
          `complete -c pb -n '__fish_seen_subcommand_from ${name}' -l ${option.flag.slice(2)} -d ${quote(option.description)}`,
      ),
      ...choices.map((choice) => `complete -c pb -n '__fish_seen_subcommand_from ${name}' -f -a ${choice}`),
    ])
    .map((line) => `${line}\n`)
    .join("");
}
