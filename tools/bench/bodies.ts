/** The requests that the comparison sends, as files that the load reads. */
import { Buffer } from "node:buffer";

export const MODEL = "m";

/** By what a figure calls it. */
export type Bodies = Readonly<
  Record<"1 KB" | "32 KB" | "1 MB, model first" | "1 MB, model last", string>
>;

/** A question of about so many bytes. */
function question(bytes: number): object {
  return { messages: [{ role: "user", content: "word ".repeat(bytes / 5 - 20) }] };
}

/** The same with a picture, which is what makes requests large. */
function picture(bytes: number): object {
  const raw = Uint8Array.from({ length: bytes * 3 / 4 }, (_, at) => (at * 2_654_435_761) >>> 16);
  const url = `data:image/png;base64,${Buffer.from(raw).toString("base64")}`;
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url } },
  ];
  return { messages: [{ role: "user", content }] };
}

/** The paths of the files, in `dir`. */
export async function writeBodies(dir: string): Promise<Bodies> {
  const model = { model: MODEL };
  const write = async (name: string, body: object) => {
    const path = `${dir}/${name}.json`;
    await Deno.writeTextFile(path, JSON.stringify(body));
    return path;
  };
  return {
    "1 KB": await write("small", { ...model, ...question(1_000) }),
    "32 KB": await write("medium", { ...model, ...question(32_000) }),
    "1 MB, model first": await write("first", { ...model, ...picture(1_000_000) }),
    "1 MB, model last": await write("last", { ...picture(1_000_000), ...model }),
  };
}
