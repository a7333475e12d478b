/** Objects as YAML that people read: documents one after another, with comments before the keys they are about. */
import { Document, isMap, isNode, isPair, isSeq, type Pair, visit } from "yaml";

export type Comment = readonly [path: readonly string[], text: string];

export interface Commented {
  readonly value: unknown;
  /** Before the whole document. */
  readonly comment?: string;
  /** Before what stands at a path such as `["spec", "replicas"]` or `["rules", "2"]`. */
  readonly comments?: readonly Comment[];
}

const WIDTH = 100;

/** Without a newline at the end. */
export function commentedYaml(documents: readonly Commented[]): string {
  return documents.map(textOf).join("---\n").trimEnd();
}

function textOf({ value, comment, comments = [] }: Commented): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  for (const [path, text] of comments) place(document, path, text);
  // Lists of plain words are read at a glance on one line.
  visit(document, {
    // A file within stays as it was written.
    Scalar(_, scalar) {
      if (String(scalar.value).includes("\n")) scalar.type = "BLOCK_LITERAL";
    },
    Seq(_, seq) {
      if (seq.items.every((item) => !isMap(item) && !isSeq(item) && !hasComment(item))) {
        seq.flow = true;
      }
    },
  });
  const text = document.toString({ lineWidth: WIDTH, flowCollectionPadding: false });
  return comment === undefined ? text : `${asComment(comment)}\n${text}`;
}

function hasComment(item: unknown): boolean {
  return isNode(item) && Boolean(item.commentBefore);
}

function place(document: Document, path: readonly string[], text: string): void {
  const parent = document.getIn(path.slice(0, -1), true);
  const last = path.at(-1)!;
  const found = isMap(parent)
    ? parent.items.find((pair) => String(pair.key) === last)
    : isSeq(parent)
    ? parent.items[Number(last)]
    : undefined;
  const node = isPair(found) ? (found as Pair).key : found;
  // A comment that stands nowhere is a mistake of ours.
  if (!isNode(node)) throw new Error(`there is nothing at ${path.join(".")}`);
  node.commentBefore = folded(text).map((line) => ` ${line}`).join("\n");
}

/** Lines that begin with `# `. */
export function asComment(text: string): string {
  return folded(text).map((line) => line === "" ? "#" : `# ${line}`).join("\n");
}

const COMMENT_WIDTH = 90;

/** In lines of some length; what begins with a space (a command) stays as it is. */
function folded(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    if (line.startsWith(" ")) return [line];
    const lines = [""];
    for (const word of line.split(" ")) {
      const last = lines.length - 1;
      if (lines[last] === "") lines[last] = word;
      else if (`${lines[last]} ${word}`.length > COMMENT_WIDTH) lines.push(word);
      else lines[last] += ` ${word}`;
    }
    return lines;
  });
}
