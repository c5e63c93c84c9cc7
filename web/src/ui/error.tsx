// An error of a step: what, how it says so, and where from.

import type { StepError } from "../api/types";
import { Copy } from "./bits";
import { Block, Text } from "./text";

export function backtraceOf(error: StepError): string {
  const { backtrace } = error;
  return Array.isArray(backtrace) ? backtrace.join("\n") : (backtrace ?? "");
}

/** `untitled`: its class stands above it already. */
export function ErrorView({ error, untitled }: { error: StepError; untitled?: boolean }) {
  const backtrace = backtraceOf(error);
  const whole = `${error.error_type ?? "Error"}: ${error.message ?? ""}\n${backtrace}`;
  return (
    <div class="error-view">
      <p class="error-head">
        {!untitled && (
          <strong>
            <Text>{error.error_type ?? "Error"}</Text>
          </strong>
        )}
        {error.error_code && (
          <span class="tag">
            <Text>{error.error_code}</Text>
          </span>
        )}
        {error.retryable !== undefined && error.retryable !== null && (
          <span class="faint">{error.retryable ? "may be tried again" : "for good"}</span>
        )}
        <Copy text={whole} what="the error" />
      </p>
      <Block text={error.message ?? "no message"} label="Message" />
      {backtrace !== "" && (
        <details>
          <summary>Backtrace, {backtrace.split("\n").length} lines</summary>
          <Block text={backtrace} label="Backtrace" />
        </details>
      )}
    </div>
  );
}
