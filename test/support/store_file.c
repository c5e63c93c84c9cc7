/* store_file.c - see store_file.h. */
#include "support/store_file.h"

#include "support/store_fixture.h"

#define WRITE_TASKS_MAX 64

void store_file_make(store_file *file) {
    store_fixture_folder(file->folder);
    (void)snprintf(file->path, sizeof(file->path), "%s/store.db", file->folder);
    (void)snprintf(file->url, sizeof(file->url), "sqlite:%s", file->path);
}

void store_file_remove(const store_file *file) {
    store_fixture_remove(file->folder);
}

tk_store *store_file_try(const char *url, bool read_only, bool must_exist, tasker_error *error) {
    const tk_store_config config = {
        .url = url,
        .read_only = read_only,
        .must_exist = must_exist,
        .clock = &tk_clock_system,
    };
    tk_store *store = NULL;
    tasker_status status = tk_store_open(&config, &store, error);
    cr_assert_eq(status == TASKER_OK, store != NULL);
    return store;
}

tk_store *store_file_open(const char *url) {
    tasker_error error = {0};
    tk_store *store = store_file_try(url, false, false, &error);
    cr_assert_not_null(store, "%s", error.message);
    return store;
}

static tasker_status write_rows(tk_store *store, int32_t template_id, uint32_t seed, uint32_t count,
                                tk_str context, tasker_error *error) {
    tk_task_row tasks[WRITE_TASKS_MAX];
    tk_state_row states[WRITE_TASKS_MAX];
    tk_ready_row readies[WRITE_TASKS_MAX];
    bool inserted[WRITE_TASKS_MAX];
    uint8_t progress[3] = {1, 0, 0};
    const tk_count_row born = {.template_id = template_id, .to = 1, .tasks = count};
    for (uint32_t i = 0; i < count; i++) {
        tk_uuid id = tk_uuid_task(seed, ((uint64_t)seed << 16 | i) * UINT64_C(0x9E3779B97F4A7C15));
        tasks[i] = (tk_task_row){.id = id, .template_id = template_id, .context = context};
        states[i] = (tk_state_row){
            .task_id = id, .state = 1, .open_steps = 1, .progress = progress, .progress_bytes = 3};
        readies[i] = (tk_ready_row){.task_id = id, .queue = 1, .handler = 1};
    }
    tasker_status status = store->driver->task_insert(store, tasks, count, inserted, error);
    if (status == TASKER_OK) {
        status = store->driver->state_insert(store, states, count, error);
    }
    if (status == TASKER_OK) {
        status = store->driver->ready_insert(store, readies, count, error);
    }
    return status == TASKER_OK ? store->driver->count_add(store, &born, 1, error) : status;
}

tasker_status store_file_write(tk_store *store, int32_t template_id, uint32_t seed, uint32_t count,
                               size_t size, tasker_error *error) {
    cr_assert_leq(count, WRITE_TASKS_MAX);
    char *text = tk_alloc(size + 1);
    if (text == NULL) {
        return tk_nomem(error);
    }
    memset(text, 'x', size);
    tasker_status status = store->driver->begin(store, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = write_rows(store, template_id, seed, count, (tk_str){text, size}, error);
        if (status == TASKER_OK) {
            status = store->driver->commit(store, error);
        } else {
            store->driver->rollback(store);
        }
    }
    tk_free(text);
    return status;
}

int64_t store_file_count(tk_store *store, int32_t template_id, tasker_error *error) {
    tk_arena arena = {0};
    tk_count_row *rows = NULL;
    uint32_t count = 0;
    int64_t tasks = 0;
    tasker_status status = store->driver->begin(store, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = store->driver->count_list(store, &arena, &rows, &count, error);
        store->driver->rollback(store);
    }
    for (uint32_t i = 0; i < count; i++) {
        tasks += rows[i].template_id == template_id ? rows[i].tasks : 0;
    }
    tk_arena_release(&arena);
    return status == TASKER_OK ? tasks : -1;
}

int64_t store_file_problems(tk_store *store, tasker_error *error) {
    tk_arena arena = {0};
    tk_str *problems = NULL;
    uint32_t count = 0;
    tasker_status status = store->driver->begin(store, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = store->driver->integrity(store, &arena, &problems, &count, error);
        store->driver->rollback(store);
    }
    for (uint32_t i = 0; i < count && status == TASKER_OK; i++) {
        fprintf(stderr, "%s\n", problems[i].data);
    }
    tk_arena_release(&arena);
    return status == TASKER_OK ? (int64_t)count : -1;
}
