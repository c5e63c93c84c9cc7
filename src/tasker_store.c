/*
 * tasker_store.c - the public face of a store's upkeep: migrating and pruning.
 */
#include "handle.h"

/* --- migrating -------------------------------------------------------------------------------- */

static tasker_status period_parse(const char *text, tk_period *period, tasker_error *error) {
    static const struct {
        const char *name;
        tk_period period;
    } known[] = {{"none", TK_PERIOD_NONE}, {"week", TK_PERIOD_WEEK}, {"month", TK_PERIOD_MONTH}};
    *period = TK_PERIOD_KEEP;
    for (size_t i = 0; text != NULL && i < TK_COUNT_OF(known); i++) {
        if (strcmp(text, known[i].name) == 0) {
            *period = known[i].period;
        }
    }
    if (text != NULL && *period == TK_PERIOD_KEEP) {
        return tk_fail(error, TASKER_INVALID,
                       "the period is none that is known; expected week, "
                       "month or none");
    }
    return TASKER_OK;
}

static void migration_report(const tk_setup *setup, int32_t from, tk_buf *buf) {
    tk_buf_char(buf, '{');
    tk_json_write_member_int(buf, "from", from);
    tk_json_write_member_int(buf, "to", setup->version);
    tk_json_write_member_int(buf, "portions_made", setup->made);
    tk_json_write_name(buf, "statements");
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < setup->statement_count; i++) {
        tk_json_write_comma(buf);
        tk_json_write_string(buf, setup->statements[i]);
    }
    tk_buf_text(buf, "]}");
}

tasker_status tasker_store_migrate(const char *url, const tasker_migrate_options *options,
                                   tasker_text *report, tasker_error *error) {
    static const tasker_migrate_options none = {.size = sizeof(none)};
    int32_t from = 0;
    tk_buf buf = {0};
    tk_arena arena = {0};
    tk_store *store = NULL;
    tk_setup setup = {.rights = true, .now_us = tk_clock_now(&tk_clock_system)};
    if (report != NULL) {
        *report = (tasker_text){NULL, 0};
    }
    options = options == NULL ? &none : options;
    if (url == NULL || options->size < sizeof(*options)) {
        return tk_fail(error, TASKER_INVALID, "a store's URL is expected, as sqlite:tasker.db");
    }
    setup.role = options->runtime_role;
    setup.print = options->print;
    tasker_status status = period_parse(options->period, &setup.period, error);
    const tk_store_config config = {
        .url = url,
        .read_only = options->print,
        .must_exist = options->print,
        .migrate = !options->print,
        .period = setup.period,
        .role = setup.role,
        .version_found = &from,
        .clock = &tk_clock_system,
    };
    if (status == TASKER_OK) {
        status = tk_store_open(&config, &store, error);
    }
    if (status == TASKER_OK) {
        status = store->driver->set_up(store, &arena, &setup, error);
    }
    if (status == TASKER_OK) {
        migration_report(&setup, from, &buf);
    }
    tk_store_close(store);
    tk_arena_release(&arena);
    return tk_hand_out(status, &buf, report, error);
}

/* --- pruning --------------------------------------------------------------------------------- */

tasker_status tasker_store_prune(tasker *handle, const tasker_prune_options *options,
                                 tasker_text *report, tasker_error *error) {
    tk_buf buf = {0};
    if (report != NULL) {
        *report = (tasker_text){NULL, 0};
    }
    tasker_status status = tk_handle_usable(handle->opener, error);
    if (status == TASKER_OK && (options == NULL || options->size < sizeof(*options))) {
        status = tk_fail(error, TASKER_INVALID, "the age of what goes is expected in the options");
    }
    if (status == TASKER_OK) {
        status = tk_prune_store(&handle->engine, options, &buf, error);
    }
    return tk_hand_out(status, &buf, report, error);
}
