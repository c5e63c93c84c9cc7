-- States and history for people with SQL, as the library reads them (state.h, history.h). Where a step
-- stands is its mark (three bytes a step in progress, the first of them) and the one live row of it.

CREATE VIEW step_view AS
SELECT t.id AS task_uuid,
    (left(t.id::text, 32) || lpad(to_hex(p.step_no + 1), 4, '0'))::uuid AS step_uuid,
    p.step_no,
    p.name,
    CASE m.mark
        WHEN 1 THEN CASE
            WHEN r.task_id IS NOT NULL THEN 'enqueued'
            WHEN l.task_id IS NOT NULL THEN 'in_progress'
            WHEN w.attempts > 0 THEN 'waiting_for_retry'
            ELSE 'pending' END
        WHEN 2 THEN 'complete'
        WHEN 3 THEN 'error'
        WHEN 4 THEN 'cancelled'
        WHEN 5 THEN 'resolved_manually'
        ELSE 'pending' END AS state,
    (SELECT count(*) FROM attempt a
        WHERE a.task_id = t.id AND a.step_no = p.step_no AND a.outcome BETWEEN 1 AND 4
        AND a.attempt > coalesce((SELECT c.attempt FROM act c WHERE c.task_id = t.id AND c.kind = 3
            AND c.step_no = p.step_no ORDER BY c.n DESC LIMIT 1), 0))
        + (l.task_id IS NOT NULL)::int AS attempts,
    l.worker,
    coalesce(l.enqueued_at, r.enqueued_at) AS enqueued_at,
    l.claimed_at,
    w.run_at,
    CASE WHEN m.mark IN (2, 5) THEN g.finished_at END AS completed_at,
    CASE WHEN m.mark IN (2, 5) THEN g.result END AS result,
    CASE WHEN m.mark NOT IN (2, 5) THEN f.error END AS error
FROM task t
JOIN task_state s ON s.task_id = t.id
JOIN template_step p ON p.template_id = t.template_id
LEFT JOIN task_page o ON p.step_no >= 256 AND o.task_id = t.id AND o.page = p.step_no / 256
CROSS JOIN LATERAL (SELECT CASE WHEN p.step_no < 256 THEN s.progress ELSE o.progress END AS bytes) b
CROSS JOIN LATERAL (SELECT CASE WHEN octet_length(b.bytes) > p.step_no % 256 * 3
    THEN get_byte(b.bytes, p.step_no % 256 * 3) ELSE 6 END AS mark) m
LEFT JOIN ready r ON m.mark = 1 AND r.task_id = t.id AND r.step_no = p.step_no
LEFT JOIN lease l ON m.mark = 1 AND l.task_id = t.id AND l.step_no = p.step_no
LEFT JOIN later w ON m.mark = 1 AND w.task_id = t.id AND w.step_no = p.step_no
LEFT JOIN LATERAL (SELECT a.finished_at, a.result FROM attempt a
    WHERE a.task_id = t.id AND a.step_no = p.step_no AND a.outcome IN (1, 5, 6)
    ORDER BY a.n DESC LIMIT 1) g ON true
LEFT JOIN LATERAL (SELECT a.error FROM attempt a
    WHERE a.task_id = t.id AND a.step_no = p.step_no AND a.outcome IN (2, 3)
    ORDER BY a.n DESC LIMIT 1) f ON true
WHERE m.mark <> 6;

CREATE VIEW task_view AS
SELECT t.id AS task_uuid,
    n.text AS namespace,
    e.name,
    e.version,
    e.revision,
    CASE s.state
        WHEN 1 THEN CASE
            WHEN EXISTS (SELECT 1 FROM ready r WHERE r.task_id = t.id)
                OR EXISTS (SELECT 1 FROM lease l WHERE l.task_id = t.id) THEN 'steps_in_process'
            WHEN EXISTS (SELECT 1 FROM later w WHERE w.task_id = t.id AND w.attempts > 0)
                THEN 'waiting_for_retry'
            WHEN EXISTS (SELECT 1 FROM later w WHERE w.task_id = t.id)
                AND NOT EXISTS (SELECT 1 FROM step_view v WHERE v.task_uuid = t.id
                    AND v.state IN ('complete', 'resolved_manually', 'error')) THEN 'pending'
            ELSE 'waiting_for_dependencies' END
        WHEN 2 THEN 'complete'
        WHEN 3 THEN 'blocked_by_failures'
        WHEN 4 THEN 'cancelled'
        WHEN 5 THEN 'error'
        WHEN 6 THEN 'resolved_manually'
        ELSE 'pending' END AS state,
    s.open_steps,
    s.failed_steps,
    t.priority,
    t.created_at,
    t.run_at,
    s.updated_at,
    CASE WHEN s.state IN (2, 4, 5, 6) THEN s.updated_at END AS ended_at,
    coalesce(t.correlation_id, t.id) AS correlation_id,
    t.parent_correlation_id,
    t.tags,
    t.initiator,
    t.source_system,
    t.reason,
    t.context
FROM task t
JOIN task_state s ON s.task_id = t.id
JOIN template e ON e.id = t.template_id
JOIN name n ON n.kind = 1 AND n.id = e.namespace;

-- One row for each thing that was recorded; in_state is where it brought (or left) the step or the task.
-- The states passed through on the way are told by `tasker history`. n is the order; a claim has the n
-- of the attempt that it became, and none while it lasts.
CREATE VIEW history_view AS
SELECT t.id AS task_uuid, t.created_at AS at, t.n, 'task' AS entity, NULL::text AS step,
    'submitted' AS event, 'pending' AS in_state, NULL::int4 AS attempt, NULL::int4 AS worker,
    t.initiator AS actor, t.reason, NULL::text AS error
FROM task t
UNION ALL
SELECT a.task_id, a.claimed_at, a.n, 'step', p.name, 'claimed', 'in_progress', a.attempt, a.worker,
    NULL, NULL, NULL
FROM attempt a
JOIN task t ON t.id = a.task_id
JOIN template_step p ON p.template_id = t.template_id AND p.step_no = a.step_no
WHERE a.outcome BETWEEN 1 AND 4
UNION ALL
SELECT l.task_id, l.claimed_at, NULL, 'step', p.name, 'claimed', 'in_progress', l.attempt, l.worker,
    NULL, NULL, NULL
FROM lease l
JOIN task t ON t.id = l.task_id
JOIN template_step p ON p.template_id = t.template_id AND p.step_no = l.step_no
UNION ALL
SELECT a.task_id, a.finished_at, a.n, 'step', p.name,
    (ARRAY['ok', 'error', 'lost', 'cancelled', 'completed_by_hand', 'resolved_by_hand'])[a.outcome],
    (ARRAY['complete', 'enqueued_as_error_for_orchestration', NULL, NULL, 'complete',
        'resolved_manually'])[a.outcome],
    a.attempt, nullif(a.worker, 0), NULL, NULL, a.error
FROM attempt a
JOIN task t ON t.id = a.task_id
JOIN template_step p ON p.template_id = t.template_id AND p.step_no = a.step_no
UNION ALL
SELECT c.task_id, c.acted_at, c.n, CASE WHEN c.step_no < 0 THEN 'task' ELSE 'step' END, p.name,
    (ARRAY[NULL, 'cancelled', 'retried', 'blocked', 'resolved', 'failed', 'completed'])[c.kind],
    CASE WHEN c.step_no < 0 THEN (ARRAY[NULL, 'cancelled', NULL, 'blocked_by_failures',
        'resolved_manually', 'error'])[c.kind] WHEN c.kind = 3 THEN 'pending' END,
    nullif(c.attempt, 0), NULL, c.actor, c.reason, NULL
FROM act c
JOIN task t ON t.id = c.task_id
LEFT JOIN template_step p ON p.template_id = t.template_id AND p.step_no = c.step_no
UNION ALL
SELECT s.task_id, a.finished_at, a.n, 'task', NULL, 'complete', 'complete', NULL, NULL, NULL, NULL,
    NULL
FROM task_state s
JOIN LATERAL (SELECT a.finished_at, a.n FROM attempt a WHERE a.task_id = s.task_id
    AND a.outcome IN (1, 5, 6) ORDER BY a.n DESC LIMIT 1) a ON true
WHERE s.state = 2;
