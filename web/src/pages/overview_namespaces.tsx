// The namespaces: how much of each there is, and what waits in it.

import type { Counts, Template } from "../api/types";
import { hrefOf } from "../lib/route";
import { count } from "../lib/time";
import { Text } from "../ui/text";

interface Row {
  name: string;
  templates: number;
  ready: number;
  later: number;
}

function rowsOf(counts: Counts, templates: Template[]): Row[] {
  const rows = new Map<string, Row>();
  const row = (name: string): Row => {
    const known = rows.get(name) ?? { name, templates: 0, ready: 0, later: 0 };
    rows.set(name, known);
    return known;
  };
  for (const template of templates) {
    row(template.namespace).templates++;
  }
  for (const queue of counts.queues) {
    const known = row(queue.namespace);
    known.ready += queue.ready;
    known.later += queue.later;
  }
  return [...rows.values()].sort((a, b) => b.ready - a.ready || a.name.localeCompare(b.name));
}

export function Namespaces({ counts, templates }: { counts: Counts; templates: Template[] }) {
  return (
    <section class="panel" aria-labelledby="namespaces">
      <header class="panel-head">
        <h2 id="namespaces">Namespaces</h2>
      </header>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Namespace</th>
              <th scope="col" class="number">
                Templates
              </th>
              <th scope="col" class="number">
                Ready
              </th>
              <th scope="col" class="number">
                Later
              </th>
            </tr>
          </thead>
          <tbody>
            {rowsOf(counts, templates).map((row) => (
              <tr key={row.name}>
                <td>
                  <a href={hrefOf(["tasks"], { namespace: row.name })}>
                    <Text>{row.name}</Text>
                  </a>
                </td>
                <td class="number">{count(row.templates)}</td>
                <td class="number">{count(row.ready)}</td>
                <td class="number">{count(row.later)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
