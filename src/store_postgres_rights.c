/*
 * store_postgres_rights.c - who may do what: the owner makes the tables, the role of running processes
 * uses them.
 *
 *   owner    everything; prunes and migrates
 *   runtime  reads all, adds rows, changes task_state, task_page, worker and upkeep; owns ready, later,
 *            lease, counter and minute, as only an owner may vacuum. It cannot change what was recorded, nor a
 *            table, nor make a key of the HTTP server.
 *
 * Who owns `ready` is the runtime role: so a migration knows whose rights to renew.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#define RIGHTS_MAX 16
#define ROLE_BYTES_MAX 63

/* In their order; %s is the role. CREATE is needed at the moment in which a table changes hands. */
static const char *const rights[] = {
    "GRANT USAGE ON SCHEMA tasker TO %s",
    "GRANT SELECT ON ALL TABLES IN SCHEMA tasker TO %s",
    "GRANT INSERT ON tasker.name, tasker.template, tasker.template_use TO %s",
    "GRANT INSERT ON tasker.template_step, tasker.identity, tasker.task TO %s",
    "GRANT INSERT ON tasker.task_state, tasker.task_page, tasker.attempt TO %s",
    "GRANT INSERT ON tasker.act, tasker.worker TO %s",
    "GRANT UPDATE ON tasker.task_state, tasker.task_page, tasker.worker, tasker.upkeep TO %s",
    "GRANT DELETE ON tasker.worker TO %s",
    "GRANT USAGE ON SEQUENCE tasker.ledger_n, tasker.ready_seq, tasker.worker_id TO %s",
    "GRANT CREATE ON SCHEMA tasker TO %s",
    "ALTER TABLE tasker.ready OWNER TO %s",
    "ALTER TABLE tasker.later OWNER TO %s",
    "ALTER TABLE tasker.lease OWNER TO %s",
    "ALTER TABLE tasker.counter OWNER TO %s",
    "ALTER TABLE tasker.minute OWNER TO %s",
    "REVOKE CREATE ON SCHEMA tasker FROM %s",
};
_Static_assert(TK_COUNT_OF(rights) <= RIGHTS_MAX, "more rights than a setup can tell");

/* A name as SQL has it, "a""b"; false when no role can be called that. */
static bool role_quote(const char *role, char quoted[2 * ROLE_BYTES_MAX + 3]) {
    size_t size = strlen(role);
    char *at = quoted;
    if (size == 0 || size > ROLE_BYTES_MAX) {
        return false;
    }
    *at++ = '"';
    for (size_t i = 0; i < size; i++) {
        if (role[i] == '"') {
            *at++ = '"';
        }
        *at++ = role[i];
    }
    *at++ = '"';
    *at = '\0';
    return true;
}

static tasker_status rights_write(tk_arena *arena, const char *quoted, tk_setup *setup,
                                  tasker_error *error) {
    setup->statements = tk_arena_array(arena, TK_COUNT_OF(rights), sizeof(*setup->statements));
    for (size_t i = 0; setup->statements != NULL && i < TK_COUNT_OF(rights); i++) {
        const char *mark = strstr(rights[i], "%s");
        const char *text = tk_arena_printf(arena, "%.*s%s%s", (int)(mark - rights[i]), rights[i],
                                           quoted, mark + 2);
        if (text == NULL) {
            return tk_nomem(error);
        }
        setup->statements[setup->statement_count++] = tk_str_of(text);
    }
    return setup->statements == NULL ? tk_nomem(error) : TASKER_OK;
}

/* Is there such a role, may this one give tables to it, and change them then? Told before anything is
 * tried. From version 16 on a membership may come without the first. */
static tasker_status role_check(const tk_pg *pg, const char *role, const char *quoted,
                                tasker_error *error) {
    int64_t found[3] = {0, 0, 0};
    tk_buf sql = {0};
    tk_buf_printf(&sql,
                  "SELECT count(*), coalesce(bool_or(pg_has_role(oid, '%s')), false)::int,"
                  " coalesce(bool_or(pg_has_role(oid, 'USAGE')), false)::int"
                  " FROM pg_catalog.pg_roles WHERE quote_ident(rolname) IN ($r$%s$r$, $r$%s$r$)",
                  PQserverVersion(pg->connection) >= 160000 ? "SET" : "MEMBER", quoted, role);
    tasker_status status = sql.failed ? tk_nomem(error) : tk_pg_ask(pg, sql.data, found, 3, error);
    tk_buf_release(&sql);
    if (status == TASKER_OK && found[0] == 0) {
        return tk_fail(error, TASKER_NOTFOUND,
                       "%s has no role %s; make it with CREATE ROLE %s LOGIN", pg->name, role,
                       quoted);
    }
    if (status == TASKER_OK && found[1] == 0) {
        return tk_fail(error, TASKER_STORE,
                       "this user may not give tables to %s; let a superuser say GRANT %s TO this "
                       "user",
                       role, quoted);
    }
    if (status == TASKER_OK && found[2] == 0) {
        return tk_fail(
            error, TASKER_STORE,
            "this user could not change the tables of %s any more; let a superuser say "
            "ALTER ROLE ... INHERIT of this user, from PostgreSQL 16 on GRANT %s TO this "
            "user WITH INHERIT TRUE",
            role, quoted);
    }
    return status;
}

static tasker_status rights_run(const tk_pg *pg, const tk_setup *setup, tasker_error *error) {
    tk_buf sql = {0};
    for (uint32_t i = 0; i < setup->statement_count; i++) {
        tk_buf_str(&sql, setup->statements[i]);
        tk_buf_text(&sql, "; ");
    }
    tasker_status status =
        sql.failed ? tk_nomem(error) : tk_pg_change(pg, sql.data, "setting rights", error);
    tk_buf_release(&sql);
    return status;
}

/* The role that has `ready`, or NULL when that is the owner of the rest. */
static tasker_status role_find(const tk_pg *pg, tk_arena *arena, const char **role,
                               tasker_error *error) {
    PGresult *result =
        PQexec(pg->connection, "SELECT pg_get_userbyid(r.relowner) FROM pg_catalog.pg_class r,"
                               " pg_catalog.pg_class t WHERE r.oid = 'tasker.ready'::regclass"
                               " AND t.oid = 'tasker.task'::regclass AND r.relowner <> t.relowner");
    tasker_status status = TASKER_OK;
    *role = NULL;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = tk_pg_fail(pg, result, "looking at the roles", error);
    } else if (PQntuples(result) == 1) {
        *role = tk_arena_printf(arena, "%s", PQgetvalue(result, 0, 0));
        status = *role == NULL ? tk_nomem(error) : TASKER_OK;
    }
    PQclear(result);
    return status;
}

tasker_status tk_pg_rights(const tk_pg *pg, tk_arena *arena, tk_setup *setup, tasker_error *error) {
    char quoted[2 * ROLE_BYTES_MAX + 3];
    const char *role = setup->role;
    tasker_status status = TASKER_OK;
    if (role == NULL) {
        status = role_find(pg, arena, &role, error);
    }
    if (status != TASKER_OK || role == NULL) {
        return status;
    }
    if (!role_quote(role, quoted) || strstr(role, "$r$") != NULL) {
        return tk_fail(error, TASKER_INVALID, "a role's name has 1 to %d bytes", ROLE_BYTES_MAX);
    }
    status = rights_write(arena, quoted, setup, error);
    if (status == TASKER_OK && !setup->print) {
        status = role_check(pg, role, quoted, error);
        if (status == TASKER_OK) {
            status = rights_run(pg, setup, error);
        }
    }
    return status;
}

#endif
