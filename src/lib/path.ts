/**
 * Paths of files, by what URLs do with them: `node:path` would be loaded at each start, with all that it needs of
 * Node's, for this alone.
 */

/** `path` as it is if it is absolute, else below `dir`, which is absolute; without `.` and `..` then. */
export function absolutePath(dir: string, path: string): string {
  if (path.startsWith("/")) return path;
  const encoded = `${dir}/${path}`.split("/").map(encodeURIComponent).join("/");
  return decodeURIComponent(new URL(`file://${encoded}`).pathname).replace(/(?<=.)\/+$/, "");
}

/** The folder of the file at `path`, "." if that names none. */
export function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end) || "/";
}
