/** The whole command line: arguments in, exit code out. Each command is a file beside this one. */
import { Argument, Command, CommanderError } from "commander";
import { systemClock as clock } from "../platform/clock.ts";
import { systemFiles as files } from "../platform/files.ts";
import { systemRandom as random } from "../platform/random.ts";
import { ENGINE_FLAGS, type EngineFlags } from "./engine_flags.ts";
import { SERVE_FLAGS } from "./serve_flags.ts";
import { MODELS_COMMAND, SHELLS } from "./shells.ts";
import { systemTerminal as terminal } from "./terminal.ts";

/** Exit codes: 0 done, 1 it failed, 2 wrong usage. */
export async function runCommandLine(args: readonly string[], version: string): Promise<number> {
  let code = 0;
  const program = new Command("vllm-autoscaler")
    .description("A gateway for language models that sleep until somebody asks.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showSuggestionAfterError()
    .showHelpAfterError("(--help tells what there is)");

  const serve = program.command("serve").description("the gateway");
  for (const [flag, help] of SERVE_FLAGS) serve.option(flag, help);
  serve.action(async (flags) => {
    const { serveCommand } = await import("./serve.ts");
    code = await serveCommand({ ...flags, version, terminal });
  });

  addChecks(program, (ended) => code = ended);
  addCluster(program, version, (ended) => code = ended);
  addOperators(program, (ended) => code = ended);
  addCompletions(program, (ended) => code = ended);

  const engine = program.command("engine")
    .description("a stand-in for vLLM without a GPU: for demos, tests and trying a config");
  for (const [flag, help] of ENGINE_FLAGS) engine.option(flag, help);
  engine.action(async (flags: EngineFlags) => {
    const { engineCommand } = await import("./engine.ts");
    const { listenNode: listen } = await import("../platform/node_server.ts");
    const { env, err, onSignal } = terminal;
    code = await engineCommand(flags, { env, err, onSignal, clock, random, listen });
  });

  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return code;
}

/** The commands that look at a config and start nothing; `done` takes the exit code. */
function addChecks(program: Command, done: (code: number) => void): void {
  program.command("validate <file>")
    .description("everything that is wrong with a config file, or what it comes to")
    .option("--json", "for programs")
    .action(async (file, flags) => {
      const { validateCommand } = await import("./validate.ts");
      const { out, err, env, colour } = terminal;
      done(await validateCommand({ file, env, files, colour, out, err, ...flags }));
    });

  program.command("doctor")
    .description("what would go wrong with a config: rights, workloads, Services, pods, commands")
    .option("--config <file>", "default $VLLM_AUTOSCALER_CONFIG, else ./config.yaml")
    .option("--json", "for programs")
    .action(async (flags) => {
      const { doctorCommand } = await import("./doctor.ts");
      done(await doctorCommand({ ...flags, terminal }));
    });

  program.command("schema")
    .description("JSON Schema of the config file")
    .action(async () => {
      const { schemaCommand } = await import("./schema.ts");
      done(schemaCommand({ out: terminal.out }));
    });
}

/** The commands that look at a cluster and change nothing in it; `done` takes the exit code. */
function addCluster(
  program: Command,
  version: string,
  done: (code: number) => void,
): void {
  program.command("discover")
    .description("a config drafted from the inference servers that are found in a cluster")
    .option("--namespace <name>", "default all that may be seen")
    .option(
      "--kubeconfig <file>",
      "default the cluster's own, else $KUBECONFIG, else ~/.kube/config",
    )
    .option("--context <name>", "of the kubeconfig; default its current one")
    .option("--json", "for programs")
    .action(async (flags) => {
      const { discoverCommand } = await import("./discover.ts");
      done(await discoverCommand({ ...flags, terminal }));
    });

  program.command("manifests")
    .description(
      "what runs a gateway in a cluster, with the smallest rights for its config, as YAML",
    )
    .option("--config <file>", "default $VLLM_AUTOSCALER_CONFIG, else ./config.yaml")
    .option("--namespace <name>", "the gateway's; default kubernetes.namespace, else the context's")
    .option("--image <image>", "default vllm-autoscaler and this version")
    .option("--any-workload", "may scale every Deployment and StatefulSet of these namespaces")
    .option("--json", "for programs")
    .action(async (flags) => {
      const { manifestsCommand } = await import("./manifests.ts");
      done(await manifestsCommand({ ...flags, version, terminal }));
    });
}

/** The commands that speak to a running gateway; `done` takes the exit code. */
function addOperators(program: Command, done: (code: number) => void): void {
  const add = (name: string, description: string) =>
    program.command(name).description(description)
      .option(
        "--url <url>",
        "its server.operator; default $VLLM_AUTOSCALER_URL, else http://127.0.0.1:9090",
      )
      .option("--key <key>", "a key with operator: true; default $VLLM_AUTOSCALER_KEY");

  add("status", "every model: its state and why, who waits, when it will sleep")
    .option("--watch", "again and again, in place, until Ctrl-C")
    .option("--json", "for programs")
    .action(async (flags) => {
      const { statusCommand } = await import("./status.ts");
      done(await statusCommand({ ...flags, terminal }));
    });

  add("sleep <model>", "puts a model to sleep now, unless it is in use")
    .option("--force", "what is in flight ends first, what comes meanwhile waits")
    .action(async (model, flags) => {
      const { sleepCommand } = await import("./sleep.ts");
      done(await sleepCommand({ ...flags, model, terminal }));
    });

  add("pin <model>", "keeps a model up for a while, for all gateways, and wakes it")
    .option("--for <duration>", "default 2h")
    .action(async (model, flags) => {
      const { pinCommand } = await import("./pin.ts");
      done(await pinCommand({ ...flags, model, terminal }));
    });

  add("unpin <model>", "lets a model sleep again once it is idle")
    .action(async (model, flags) => {
      const { unpinCommand } = await import("./pin.ts");
      done(await unpinCommand({ ...flags, model, terminal }));
    });

  add("wake <model>", "wakes a model as a request would")
    .option("--wait", "until it is up (0) or has failed (1), with what it is doing")
    .action(async (model, flags) => {
      const { wakeCommand } = await import("./wake.ts");
      done(await wakeCommand({ ...flags, model, terminal }));
    });
}

/** `done` takes the exit code. */
function addCompletions(program: Command, done: (code: number) => void): void {
  program.command("completions")
    .description("a script that completes all of this in a shell, models too")
    .addArgument(new Argument("<shell>", "whose script").choices(SHELLS))
    .action(async (shell) => {
      const { completionsCommand } = await import("./completions.ts");
      done(completionsCommand({ shell, program, out: terminal.out }));
    });

  program.command(MODELS_COMMAND, { hidden: true })
    .option("--url <url>")
    .option("--key <key>")
    .action(async (flags) => {
      const { modelsCommand } = await import("./models.ts");
      done(await modelsCommand({ ...flags, terminal }));
    });
}
