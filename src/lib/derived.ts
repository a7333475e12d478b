/** What is made of a part of the configuration, made anew when a reload has replaced that part. */
export function derived<Part extends object, Made>(
  part: () => Part,
  make: (part: Part) => Made,
): () => Made {
  let last: { readonly part: Part; readonly made: Made } | undefined;
  return () => {
    const now = part();
    if (last?.part !== now) last = { part: now, made: make(now) };
    return last.made;
  };
}
