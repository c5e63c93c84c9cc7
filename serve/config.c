/*
 * config.c - GET /config: the server's settings, where each comes from; secrets are masked.
 */
#include "inner.h"
#include "routes.h"

void route_config(serve_request *r) {
    settings_write(&r->server->settings, &r->answer);
}
