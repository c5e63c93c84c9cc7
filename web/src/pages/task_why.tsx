// What a task waits for, in one sentence, and what to do about it.

import { useState } from "preact/hooks";
import type { WaitingStep, Why } from "../api/types";
import { Command, StateIcon } from "../ui/bits";
import { Text } from "../ui/text";

const FIRST = 5;

/** Steps that wait for their parents are explained by the parents. */
function worth(steps: WaitingStep[]): WaitingStep[] {
  const told = steps.filter((step) => !["parents", "nothing"].includes(step.waits_for));
  return told.length > 0 ? told : steps.filter((step) => step.waits_for !== "nothing");
}

export function WhyBox({ why, select }: { why: Why; select: (uuid: string) => void }) {
  const [all, setAll] = useState(false);
  const steps = worth(why.steps);
  const shown = all ? steps : steps.slice(0, FIRST);
  return (
    <section class={why.moves ? "why" : "why stuck"} aria-label="Why">
      <p>
        <strong>
          <Text max={600}>{why.text}</Text>
        </strong>
      </p>
      <ul>
        {shown.map((step) => (
          <li key={step.step_uuid}>
            <StateIcon state={step.current_state} label />
            <button type="button" class="link" onClick={() => select(step.step_uuid)}>
              <Text>{step.name}</Text>
            </button>
            {step.text !== why.text && (
              <span>
                <Text max={600}>{step.text}</Text>
              </span>
            )}
            {step.next && <Command text={step.next} />}
          </li>
        ))}
      </ul>
      {steps.length > FIRST && (
        <button type="button" class="link" onClick={() => setAll(!all)}>
          {all ? "Fewer" : `All ${steps.length}`}
        </button>
      )}
    </section>
  );
}
