/*
 * assets.h - the dashboard's files, which the program carries.
 *
 *   web/ ── make web ─► build/dashboard ── tools/embed-dashboard ─► dashboard.c ─► [assets.c] ─► a browser
 *
 * Without a built dashboard the table is empty, and `/` is a page that says how to build it.
 */
#ifndef SERVE_ASSETS_H
#define SERVE_ASSETS_H

#include "base.h"

#define SERVE_ASSET_HEADERS_MAX 10

typedef struct serve_asset {
    const char *path; /* "/" or "/assets/…" */
    const char *type; /* media type */
    const char *tag;  /* strong, with its quotes */
    const unsigned char *bytes;
    size_t size;
    const unsigned char *gzip; /* NULL: not worth it */
    size_t gzip_size;
} serve_asset;

/* Made from build/dashboard; ends with a NULL path. */
extern const serve_asset serve_dashboard[];

typedef struct serve_asset_header {
    const char *name, *value;
} serve_asset_header;

/* What to send. Everything in it is constant and lives as long as the program. */
typedef struct serve_asset_answer {
    int status; /* 200, 304 or 404 */
    const unsigned char *bytes;
    size_t size;
    serve_asset_header headers[SERVE_ASSET_HEADERS_MAX]; /* Content-Type among them */
    uint32_t header_count;
} serve_asset_answer;

/* serve_asset_find answers GET of a path.
 *
 *   accept_encoding, if_none_match  the request's headers; NULL: not sent
 *
 * A 404 has no bytes: the caller says it in its own form. Never waits. */
serve_asset_answer serve_asset_find(const char *path, const char *accept_encoding,
                                    const char *if_none_match);

#endif
