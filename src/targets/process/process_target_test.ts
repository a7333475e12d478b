/** The process target with real processes: the suite of every target, and what only processes can do. */
import { conformanceTests } from "../../testing/conformance.ts";
import { engineCommand, engineWorld, modelSpec } from "./testdata/engine_world.ts";

const PROCESSES = {
  sound: { command: engineCommand() },
  broken: { command: engineCommand("crash=ValueError: no such model") },
  stubborn: { command: engineCommand("loading=3", "deaf"), stopGraceMs: 300 },
};

conformanceTests("process", ({ kind }) => Promise.resolve(engineWorld(modelSpec(PROCESSES[kind]))));
