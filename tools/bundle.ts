/**
 * `deno task bundle [DIR]`: JavaScript for the image, by default in dist/: main.js, and what it loads only when
 * it must.
 *
 * Deno parses all that an `import("...")` names when the program starts, loaded or not: for Kubernetes' own
 * client that is 35 MiB of memory for nothing. So its name is written such that Deno does not see it; then its folder
 * must be readable at run time.
 */

const ROOT = new URL("../", import.meta.url).pathname;
const LAZY = /import\(("\.\/client_node-\w+\.js")\)/g;

const [dir = `${ROOT}dist`] = Deno.args;
const { success } = await new Deno.Command(Deno.execPath(), {
  args: [
    ...["bundle", "--quiet", "--frozen", "--minify", "--platform", "deno", "--code-splitting"],
    ...["--outdir", dir, "main.ts"],
  ],
  ...{ cwd: ROOT, stdin: "null" },
}).spawn().status;
if (!success) Deno.exit(1);

let hidden = 0;
for await (const { name } of Deno.readDir(dir)) {
  const text = await Deno.readTextFile(`${dir}/${name}`);
  const written = text.replace(LAZY, (_, path) => {
    hidden++;
    return `import(String(${path}))`;
  });
  if (written !== text) await Deno.writeTextFile(`${dir}/${name}`, written);
}
if (hidden === 0) {
  console.error("Nothing imports client_node.ts when it must: is it in the bundle of main.js?");
  Deno.exit(1);
}
