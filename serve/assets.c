/*
 * assets.c - answers for the dashboard's files.
 *
 * A file under /assets/ has a digest in its name and is kept for ever; the page itself is asked for
 * each time, and answered with 304 while it is the same.
 */
#include "assets.h"

#include <string.h>
#include <strings.h>

#define KEEP "public, max-age=31536000, immutable"
#define ASK "no-cache"

static const char not_built[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Tasker</title>\n"
    "<h1>Tasker runs</h1>\n"
    "<p>This program was built without the dashboard. With Node.js 18 or later:</p>\n"
    "<pre>make web\nmake</pre>\n"
    "<p>Then start <code>tasker serve</code> again. Everything else works without it:\n"
    "<a href=\"/api-docs/ui\">the HTTP interface</a>, <a href=\"/health/detailed\">health</a>,\n"
    "<a href=\"/metrics\">metrics</a>.</p>\n";

static const serve_asset page_not_built = {
    .path = "/",
    .type = "text/html; charset=utf-8",
    .tag = "\"not-built\"",
    .bytes = (const unsigned char *)not_built,
    .size = sizeof not_built - 1,
};

static const serve_asset *asset_at(const char *path) {
    for (const serve_asset *asset = serve_dashboard; asset->path != NULL; asset++) {
        if (strcmp(asset->path, path) == 0) {
            return asset;
        }
    }
    return strcmp(path, "/") == 0 ? &page_not_built : NULL;
}

/* One coding of Accept-Encoding: `gzip`, `*`, `gzip;q=0.5`; q=0 refuses it. */
static bool coding_is_gzip(const char *coding, size_t size) {
    size_t name = strcspn(coding, ";, \t");
    if (!(name == 4 && strncasecmp(coding, "gzip", 4) == 0) && !(name == 1 && *coding == '*')) {
        return false;
    }
    const char *quality = memmem(coding, size, "q=", 2);
    return quality == NULL || strcspn(quality + 2, "123456789") < strcspn(quality + 2, ", ");
}

static bool takes_gzip(const char *accept_encoding) {
    const char *at = accept_encoding != NULL ? accept_encoding : "";
    while (*at != '\0') {
        at += strspn(at, ", \t");
        size_t size = strcspn(at, ",");
        if (size > 0 && coding_is_gzip(at, size)) {
            return true;
        }
        at += size;
    }
    return false;
}

/* If-None-Match lists tags, weak ones too, or is `*`. */
static bool is_known(const char *if_none_match, const char *tag) {
    return if_none_match != NULL &&
           (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, tag) != NULL);
}

static void header_add(serve_asset_answer *answer, const char *name, const char *value) {
    assert(answer->header_count < SERVE_ASSET_HEADERS_MAX);
    answer->headers[answer->header_count++] = (serve_asset_header){name, value};
}

serve_asset_answer serve_asset_find(const char *path, const char *accept_encoding,
                                    const char *if_none_match) {
    serve_asset_answer answer = {.status = 404};
    const serve_asset *asset = asset_at(path);
    if (asset == NULL) {
        return answer;
    }
    header_add(&answer, "Content-Type", asset->type);
    header_add(&answer, "Cache-Control", strncmp(path, "/assets/", 8) == 0 ? KEEP : ASK);
    header_add(&answer, "ETag", asset->tag);
    header_add(&answer, "Vary", "Accept-Encoding");
    if (is_known(if_none_match, asset->tag)) {
        answer.status = 304;
        return answer;
    }
    answer.status = 200;
    answer.bytes = asset->bytes;
    answer.size = asset->size;
    if (asset->gzip != NULL && takes_gzip(accept_encoding)) {
        header_add(&answer, "Content-Encoding", "gzip");
        answer.bytes = asset->gzip;
        answer.size = asset->gzip_size;
    }
    return answer;
}
