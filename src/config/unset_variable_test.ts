import { expect } from "expect";
import { substitute } from "./substitute.ts";
import { partialEnv, unsetVariable } from "./unset_variable.ts";

Deno.test("unsetVariable() tells what is hidden from what is not set", () => {
  const env = partialEnv({ A: "1" }, (name) => name === "TOKEN");
  expect([env.A, Object.keys(env), { ...env }]).toEqual(["1", ["A"], { A: "1" }]);
  expect(unsetVariable("B", env)).toBe("environment variable B is not set");
  expect(unsetVariable("TOKEN", env)).toMatch(/TOKEN may not be read here.*VLLM_AUTOSCALER_/);
  const [fault] = substitute("${TOKEN}", env, false).faults;
  expect(fault?.message).toMatch(/TOKEN may not be read here/);
});
