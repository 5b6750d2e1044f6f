// The Python package txpb: its own tests with each Twisted, its types, and the packages that are published.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { Program } from "../../process/program.js";
import { makePython } from "../../twisted/install.js";
import { pythonEnvironment } from "../../twisted/twisted.js";

const source = fileURLToPath(new URL("../../../packages/txpb/", import.meta.url));

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "txpb-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a program and returns its output. Throws unless it succeeds. */
function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = pythonEnvironment(),
): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed (${String(status)}):\n${stdout}${stderr}`);
  return stdout;
}

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  test("its own tests pass", () => {
    const env = { ...pythonEnvironment(), PYTHONPATH: `${join(source, "src")}:${join(source, "tests")}` };
    const trial = [
      "-W",
      "error::RuntimeWarning",
      "-m",
      "twisted.trial",
      "--temp-directory=trial",
      "test_txpb",
      "test_live",
      "test_streams",
    ];
    expect(run(python, trial, temporaryFolder(), env)).toMatch(/PASSED \(successes=\d+\)/);
  });

  test("the programs of the README run", async () => {
    const readme = readFileSync(join(source, "README.md"), "utf8");
    const [server, client] = [...readme.matchAll(/```python\n# \w+\.py\n(.*?)```/gs)].map(([, program]) => program!);
    const env = { ...pythonEnvironment(), PYTHONPATH: join(source, "src") };
    const print = "print(port.getHost().port, flush=True)\nreactor.run()";
    const serverProgram = server!.replace("8787", "0").replace("reactor.run()", print);
    await using listening = new Program("the server", [python, "-c", serverProgram], { env });
    const port = await listening.nextLine();
    await using calling = new Program("the client", [python, "-c", client!.replace("8787", port)], { env });
    await calling.exit;
    expect(calling.stdout + calling.stderr).toBe("12\ntoo slow\n");
    expect(listening.stdout).toContain("seconds left: 10\n");
  });
});

/** A Python that can build packages and check types. */
const builder = makePython("txpb-build-1", ["build==1.6.*", "hatchling==1.32.*", "mypy==2.4.*", "twisted==26.4.*"]);
if (builder === undefined)
  console.error("THE TOOLS OF PYTHON ARE MISSING: txpb is not built, and its types are not checked.");

test.runIf(process.env.CI === "true")("CI has the tools of Python", () => expect(builder).toBeDefined());

describe.skipIf(builder === undefined)("the package", () => {
  test("has types without errors", () => {
    // The cache is valid for the files whose contents it was made from, and contains the types of Twisted.
    const cache = fileURLToPath(new URL("../../../node_modules/.cache/txpb-mypy", import.meta.url));
    expect(run(builder!, ["-m", "mypy", "--cache-dir", cache], source)).toContain("Success");
  });

  describe("built", () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "txpb-"));
      cpSync(source, join(folder, "source"), { recursive: true });
      run(builder!, ["-m", "build", "--no-isolation", "--outdir", folder, "source"], folder);
      return () => rmSync(folder, { recursive: true });
    });

    test.each(["whl", "tar.gz"])("is installed from its .%s", (ending) => {
      const file = readdirSync(folder).find((name) => name.endsWith(ending))!;
      const pip = ["-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet"];
      const target = join(folder, ending);
      run(builder!, [...pip, "--disable-pip-version-check", "--target", target, join(folder, file)], folder);
      const script = "import txpb, importlib.metadata; print(txpb.__file__, importlib.metadata.version('txpb'))";
      const env = { ...pythonEnvironment(), PYTHONPATH: target };
      expect(run(builder!, ["-c", script], folder, env)).toBe(`${join(target, "txpb", "__init__.py")} 0.1.0\n`);
      expect(readdirSync(join(target, "txpb"))).toContain("py.typed");
    });
  });
});
