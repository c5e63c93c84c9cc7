// The graph comes in a file of its own, when the first one is shown.

import { useEffect, useState } from "preact/hooks";
import { Loading } from "../ui/bits";
import type GraphType from "./graph";

type Props = Parameters<typeof GraphType>[0];
let loaded: typeof GraphType | null = null;

export function LazyGraph(props: Props) {
  const [Graph, setGraph] = useState<typeof GraphType | null>(() => loaded);
  useEffect(() => {
    if (Graph === null) {
      void import("./graph").then((module) => {
        loaded = module.default;
        setGraph(() => loaded);
      });
    }
  }, [Graph]);
  return Graph === null ? <Loading /> : <Graph {...props} />;
}
