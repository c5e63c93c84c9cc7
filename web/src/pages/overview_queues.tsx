// What waits, by handler: where more workers, or any, are needed.

import type { Queue } from "../api/types";
import { count } from "../lib/time";
import { Ago } from "../ui/bits";
import { Text } from "../ui/text";

const SHOWN = 12;

export function Queues({ queues }: { queues: Queue[] }) {
  const sorted = [...queues].sort(
    (a, b) =>
      Number(b.workers === 0) - Number(a.workers === 0) ||
      b.ready - a.ready ||
      a.callable.localeCompare(b.callable),
  );
  return (
    <section class="panel" aria-labelledby="queues">
      <header class="panel-head">
        <h2 id="queues">What waits</h2>
      </header>
      {sorted.length === 0 ? (
        <p class="quiet">No step waits for a worker.</p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Handler</th>
                <th scope="col" class="number">
                  Ready
                </th>
                <th scope="col" class="number">
                  Later
                </th>
                <th scope="col">Oldest</th>
                <th scope="col" class="number">
                  Workers
                </th>
              </tr>
            </thead>
            <tbody>
              {sorted.slice(0, SHOWN).map((queue) => (
                <tr key={`${queue.namespace} ${queue.callable}`}>
                  <td>
                    <Text>{queue.callable}</Text>
                    <small class="faint">
                      <Text>{queue.namespace}</Text>
                    </small>
                  </td>
                  <td class="number">{count(queue.ready)}</td>
                  <td class="number">{count(queue.later)}</td>
                  <td>{queue.oldest_at ? <Ago at={queue.oldest_at} /> : ""}</td>
                  <td class={queue.workers === 0 ? "number alarm-text" : "number"}>
                    {queue.workers === 0 ? "none" : count(queue.workers)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {sorted.length > SHOWN && (
            <p class="faint">{sorted.length - SHOWN} more handlers have steps that wait.</p>
          )}
        </div>
      )}
    </section>
  );
}
