/*
 * mhd.h - libmicrohttpd, loaded when the first server is opened: a program that serves nothing pays
 * nothing for it.
 */
#ifndef SERVE_MHD_H
#define SERVE_MHD_H

#include <microhttpd.h>

#include "base.h"

/* clang-format off */
#define MHD_TABLE_MAP(X) \
    X(MHD_add_response_header) X(MHD_create_response_from_buffer) \
    X(MHD_create_response_from_buffer_with_free_callback) X(MHD_create_response_from_callback) \
    X(MHD_destroy_response) X(MHD_get_connection_info) X(MHD_get_connection_values_n) \
    X(MHD_is_feature_supported) X(MHD_lookup_connection_value) X(MHD_queue_response) \
    X(MHD_quiesce_daemon) X(MHD_resume_connection) X(MHD_start_daemon) X(MHD_stop_daemon) \
    X(MHD_suspend_connection)

typedef struct mhd_table {
#define X(name) __typeof__(name) *name;
    MHD_TABLE_MAP(X)
#undef X
} mhd_table;
/* clang-format on */

extern mhd_table mhd;

/* mhd_load loads it unless it is there; any thread. UNSUPPORTED: it is not installed. */
tasker_status mhd_load(tasker_error *error);

#endif
