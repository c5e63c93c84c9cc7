// The templates that are registered.

import { useState } from "preact/hooks";
import { ask } from "../api/client";
import type { Template } from "../api/types";
import { useResource } from "../lib/resource";
import { hrefOf } from "../lib/route";
import { Ago, Empty, Loading, Trouble } from "../ui/bits";
import { Text } from "../ui/text";

export function Templates() {
  const resource = useResource((signal) => ask<Template[]>("/v1/templates", { signal }), "all");
  const [words, setWords] = useState("");
  const data = resource.data.value;
  if (data === null) {
    const error = resource.error.value;
    return error ? <Trouble error={error} retry={() => void resource.refresh()} /> : <Loading />;
  }
  if (data.length === 0) {
    return (
      <Empty title="No template is registered" command="tasker template put my_templates">
        <p>A template tells the steps of a task and what each waits for, in YAML.</p>
      </Empty>
    );
  }
  const shown = data.filter((template) =>
    `${template.namespace}/${template.name} ${template.description ?? ""}`
      .toLowerCase()
      .includes(words.toLowerCase()),
  );
  return (
    <div class="page">
      <header class="page-head">
        <h1>Templates</h1>
        <input
          type="search"
          placeholder="Find a template"
          aria-label="Find a template"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
      </header>
      {shown.length === 0 ? (
        <Empty title="No template is called so" />
      ) : (
        <section class="panel scroll" aria-label="Templates">
          <table>
            <thead>
              <tr>
                <th scope="col">Template</th>
                <th scope="col">Version</th>
                <th scope="col" class="number minor">
                  Revision
                </th>
                <th scope="col" class="number">
                  Steps
                </th>
                <th scope="col" class="minor">
                  Registered
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((template) => (
                <tr key={`${template.namespace}/${template.name}:${template.version}`}>
                  <td>
                    <a
                      href={hrefOf([
                        "templates",
                        template.namespace,
                        template.name,
                        template.version,
                      ])}
                    >
                      <Text>{template.name}</Text>
                    </a>
                    <small class="faint">
                      <Text>{`${template.namespace}${template.description ? ` · ${template.description}` : ""}`}</Text>
                    </small>
                  </td>
                  <td>
                    <Text>{template.version}</Text>
                  </td>
                  <td class="number minor">{template.revision}</td>
                  <td class="number">{template.steps}</td>
                  <td class="minor">
                    <Ago at={template.created_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </div>
  );
}
