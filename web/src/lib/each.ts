// Many requests, some at once.

const AT_ONCE = 4;

/** Runs `work` on each item; those that failed are told, with their errors. */
export async function each<T>(
  items: T[],
  work: (item: T) => Promise<unknown>,
  progress?: (done: number) => void,
): Promise<{ item: T; error: Error }[]> {
  const failed: { item: T; error: Error }[] = [];
  let next = 0;
  let done = 0;
  const lane = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      try {
        await work(item);
      } catch (error) {
        failed.push({ item, error: error instanceof Error ? error : new Error(String(error)) });
      }
      progress?.(++done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return failed;
}
