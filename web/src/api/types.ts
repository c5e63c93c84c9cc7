// What the server answers (docs/http.md), as far as the dashboard reads it.

import type { Payload } from "./decode";

export interface StepError {
  message: string | null;
  error_type?: string | null;
  error_code?: string | null;
  backtrace?: string | string[] | null;
  retryable?: boolean | null;
}

export interface Task {
  task_uuid: string;
  namespace: string;
  name: string;
  version: string;
  template_revision: number;
  state: string;
  execution_status: string;
  created_at: string;
  updated_at: string;
  completed_at: string | null;
  run_at: string | null;
  next_at: string | null;
  initiator: string | null;
  source_system: string | null;
  reason: string | null;
  priority: number;
  tags: string[];
  correlation_id: string;
  parent_correlation_id: string | null;
  total_steps: number;
  pending_steps: number;
  in_progress_steps: number;
  completed_steps: number;
  failed_steps: number;
  ready_steps: number;
  enqueued_steps: number;
  waiting_for_retry_steps: number;
  cancelled_steps: number;
  resolved_steps: number;
}

export interface Step {
  step_uuid: string;
  task_uuid: string;
  name: string;
  current_state: string;
  attempts: number;
  attempt: number;
  max_attempts: number;
  next_retry_at: string | null;
  last_attempted_at: string | null;
  completed_at: string | null;
  created_at: string;
  updated_at: string;
  run_at: string | null;
  result: Payload;
  error: StepError | null;
  callable: string;
  parents: string[];
  worker: number | null;
}

export interface Attempt {
  attempt: number;
  outcome: string;
  worker: number | null;
  enqueued_at: string | null;
  claimed_at: string | null;
  finished_at: string;
  result: Payload;
  error: StepError | null;
}

export interface StepDetail extends Step {
  attempts_list: Attempt[];
}

export interface TaskDetail extends Task {
  context: Payload;
  steps: Step[];
}

export interface Page {
  tasks: Task[];
  next: string | null;
  pagination?: { total_count: number; total_exact: boolean };
}

export interface Change {
  at: string;
  n: number;
  entity: "task" | "step";
  step?: string;
  step_uuid?: string;
  from: string | null;
  to: string;
  event: string;
  attempt?: number;
  worker?: number;
  actor?: string;
  reason?: string;
  error?: StepError | null;
}

export interface WaitingStep {
  step_uuid: string;
  name: string;
  current_state: string;
  waits_for: string;
  parents: string[];
  at: string | null;
  callable: string;
  namespace: string;
  ahead: number | null;
  text: string;
  next: string | null;
}

export interface Why {
  task_uuid: string;
  moves: boolean;
  text: string;
  steps: WaitingStep[];
}

export interface Queue {
  namespace: string;
  callable: string;
  ready: number;
  later: number;
  oldest_at: string | null;
  workers: number;
}

export interface Counts {
  tasks: Record<string, number>;
  steps: { ready: number; running: number; later: number; no_worker: number };
  queues: Queue[];
}

export interface Template {
  namespace: string;
  name: string;
  version: string;
  revision: number;
  description: string | null;
  created_at: string;
  steps: number;
}

export interface TemplateStep {
  name: string;
  description: string | null;
  dependencies: string[];
  handler: Payload;
  timeout_seconds: number | null;
  retry: {
    retryable: boolean;
    max_attempts: number;
    backoff: string;
    backoff_base_ms: number;
    max_backoff_ms: number;
  };
}

export interface TemplateDetail extends Omit<Template, "steps"> {
  input_schema?: Payload;
  steps: TemplateStep[];
}

export interface Worker {
  worker_id: number;
  name: string;
  host: string;
  pid: number;
  asleep: boolean;
  started_at: string;
  namespaces: string[];
  handlers: string[];
  running: number;
  state?: string;
  memory_bytes?: number | null;
  lag_ms?: number | null;
  steps: {
    task_uuid: string;
    step_uuid: string;
    namespace: string;
    name: string;
    step: string;
    attempt: number;
    claimed_at: string;
  }[];
}

export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Portion {
  at: string;
  submitted: number;
  completed: number;
  failed_steps: number;
  steps: number;
  task_ms: Percentiles | null; // null: there was none
  step_ms: Percentiles | null;
  wait_ms: Percentiles | null;
}

export interface StepFigures {
  namespace: string;
  name: string;
  version: string;
  step: string;
  steps: number;
  failed_steps: number;
  error_rate: number;
  step_ms: Percentiles | null;
  wait_ms: Percentiles | null;
}

export interface Bottlenecks {
  slow_steps: StepFigures[];
  failing_steps: StepFigures[];
}

export interface Performance {
  from: string;
  to: string;
  portion_seconds: number;
  since: string | null;
  portions: Portion[];
  total: Omit<Portion, "at">;
}

/** The snapshot of one task that its stream sends. */
export interface Running {
  task_uuid: string;
  state: string;
  execution_status: string;
  counts: Record<string, number>;
  steps: { step_uuid: string; name: string; current_state: string; attempt: number }[];
}
