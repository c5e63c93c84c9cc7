/*
 * catalog.c - templates and their numbers in a store, cached for the life of a handle: a template
 * row never changes, so a cached one is never stale. Which revision is current is asked each time.
 */
#include "engine.h"

tasker_status tk_catalog_open(tk_catalog *catalog, tasker_error *error) {
    *catalog = (tk_catalog){.known = NULL};
    if (pthread_mutex_init(&catalog->mutex, NULL) != 0) {
        return tk_nomem(error);
    }
    return TASKER_OK;
}

static void known_free(tk_known *known) {
    if (known != NULL) {
        tk_template_close((tk_template *)known->template);
        tk_free((void *)known->handlers);
        tk_free(known);
    }
}

void tk_catalog_close(tk_catalog *catalog) {
    for (tk_known *known = catalog->known; known != NULL;) {
        tk_known *next = known->next;
        known_free(known);
        known = next;
    }
    catalog->known = NULL;
    pthread_mutex_destroy(&catalog->mutex);
}

static const tk_known *lookup(tk_catalog *catalog, int32_t id) {
    pthread_mutex_lock(&catalog->mutex);
    const tk_known *known = catalog->known;
    while (known != NULL && known->id != id) {
        known = known->next;
    }
    pthread_mutex_unlock(&catalog->mutex);
    return known;
}

/* Adds a template unless another thread was faster; returns the one that stays. */
static const tk_known *keep(tk_catalog *catalog, tk_known *known) {
    pthread_mutex_lock(&catalog->mutex);
    tk_known *other = catalog->known;
    while (other != NULL && other->id != known->id) {
        other = other->next;
    }
    if (other == NULL) {
        known->next = catalog->known;
        catalog->known = known;
    }
    pthread_mutex_unlock(&catalog->mutex);
    if (other != NULL) {
        known_free(known);
        return other;
    }
    return known;
}

/* The names were interned when the template was registered, so this only reads. */
static tasker_status number_names(tk_engine *engine, tk_arena *arena, tk_known *known,
                                  int32_t *handlers, tasker_error *error) {
    const tk_template *template = known->template;
    tk_str namespace_name = tk_str_of(template->namespace_name);
    tasker_status status = tk_store_call(engine->store, name_intern, TK_NAME_NAMESPACE,
                                         &namespace_name, 1, &known->queue, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_str *callables = tk_arena_array(arena, template->step_count, sizeof(*callables));
    int32_t *ids = tk_arena_array(arena, template->step_count, sizeof(*ids));
    if (callables == NULL || ids == NULL) {
        return tk_nomem(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < template->step_count; i++) {
        if (template->steps[i].present) {
            callables[count++] = tk_str_of(template->steps[i].callable);
        }
    }
    status =
        tk_store_call(engine->store, name_intern, TK_NAME_CALLABLE, callables, count, ids, error);
    for (uint32_t i = 0, k = 0; status == TASKER_OK && i < template->step_count; i++) {
        if (template->steps[i].present) {
            handlers[i] = ids[k++];
        }
    }
    return status;
}

static bool is_chain(const tk_template *template) {
    uint32_t roots = 0;
    bool chain = template->step_count <= TK_PROGRESS_PAGE_STEPS;
    for (uint32_t i = 0; chain && i < template->step_count; i++) {
        const tk_template_step *step = &template->steps[i];
        chain = step->present && step->parents.count <= 1 && step->children.count <= 1;
        roots += step->parents.count == 0;
    }
    return chain && roots == 1;
}

static tasker_status make_known(tk_engine *engine, tk_arena *arena, const tk_template_row *row,
                                const tk_known **known, tasker_error *error) {
    tk_known *made = tk_alloc(sizeof(*made));
    if (made == NULL) {
        return tk_nomem(error);
    }
    made->id = row->id;
    made->revision = row->revision;
    tk_template *template = NULL;
    tasker_status status = tk_template_open(row->spec, &template, error);
    if (status == TASKER_OK) {
        made->template = template;
        made->chain = is_chain(template);
        int32_t *handlers = tk_alloc_array(template->step_count, sizeof(*handlers));
        made->handlers = handlers;
        status =
            handlers == NULL ? tk_nomem(error) : number_names(engine, arena, made, handlers, error);
    }
    if (status != TASKER_OK) {
        known_free(made);
        return status;
    }
    *known = keep(engine->catalog, made);
    return TASKER_OK;
}

/* Says once of each template that this build cannot read it. */
static void tell_unreadable(tk_engine *engine, int32_t template_id, const tasker_error *why) {
    tk_catalog *catalog = engine->catalog;
    bool told = false;
    pthread_mutex_lock(&catalog->mutex);
    for (uint32_t i = 0; i < catalog->told_count && !told; i++) {
        told = catalog->told[i] == template_id;
    }
    if (!told && catalog->told_count < TK_CATALOG_TOLD_MAX) {
        catalog->told[catalog->told_count++] = template_id;
    }
    pthread_mutex_unlock(&catalog->mutex);
    if (!told) {
        tk_log_line(engine->log, TASKER_LOG_ERROR,
                    "template number %" PRId32
                    " cannot be read (%s): its steps are left to workers "
                    "of a build that can; run `tasker store check`",
                    template_id, why->message);
    }
}

static tasker_status get_unknown(tk_engine *engine, int32_t template_id, const tk_known **known,
                                 tasker_error *error) {
    tk_arena arena = {0};
    tk_template_row *row = NULL;
    tasker_status status =
        tk_store_call(engine->store, template_load, &arena, template_id, &row, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status == TASKER_OK) {
        status = row == NULL ? tk_fail(error, TASKER_NOTFOUND,
                                       "the store has no template number %" PRId32, template_id)
                             : make_known(engine, &arena, row, known, error);
    }
    tk_arena_release(&arena);
    return status;
}

tasker_status tk_catalog_get(tk_engine *engine, int32_t template_id, const tk_known **known,
                             tasker_error *error) {
    *known = lookup(engine->catalog, template_id);
    if (*known != NULL) {
        return TASKER_OK;
    }
    tasker_error why = {0};
    tasker_status status = get_unknown(engine, template_id, known, &why);
    if (tk_status_refused(status)) {
        tell_unreadable(engine, template_id, &why);
    }
    if (status != TASKER_OK && error != NULL) {
        *error = why;
    }
    return status;
}

static tasker_status known_of(tk_engine *engine, tk_arena *arena, const tk_template_row *row,
                              const tk_known **known, tasker_error *error) {
    *known = lookup(engine->catalog, row->id);
    return *known != NULL ? TASKER_OK : make_known(engine, arena, row, known, error);
}

static tasker_status say_unknown(tk_str namespace_name, tk_str name, tk_str version,
                                 tasker_error *error) {
    return tk_fail(error, TASKER_NOTFOUND,
                   "no template \"%.*s\" in namespace \"%.*s\"%s%.*s is registered: start a "
                   "worker that has it, or put it with `tasker template put FILE`",
                   (int)name.size, name.data, (int)namespace_name.size, namespace_name.data,
                   version.size > 0 ? " with version " : "", (int)version.size,
                   version.size > 0 ? version.data : "");
}

tasker_status tk_catalog_find(tk_engine *engine, tk_str namespace_name, tk_str name, tk_str version,
                              const tk_known **known, tasker_error *error) {
    tk_arena arena = {0};
    tk_template_row *row = NULL;
    *known = NULL;
    tasker_status status = tk_store_call(engine->store, template_find, &arena, namespace_name, name,
                                         version, NULL, &row, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status == TASKER_OK) {
        status = row == NULL ? say_unknown(namespace_name, name, version, error)
                             : known_of(engine, &arena, row, known, error);
    }
    tk_arena_release(&arena);
    return status;
}
