/*
 * document.c - reads what was named on the command line: a file, standard input, or JSON itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

enum { CHUNK_BYTES = 64 * 1024 };

static const char *shown_name(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Reads to the end, or one byte beyond the limit. 0, or what errno says. */
static int read_all(int fd, size_t bytes_max, tk_buf *buf) {
    while (buf->size <= bytes_max) {
        if (!tk_buf_reserve(buf, CHUNK_BYTES)) {
            return ENOMEM;
        }
        ssize_t got = read(fd, buf->data + buf->size, CHUNK_BYTES);
        if (got == 0) {
            return 0;
        }
        if (got > 0) {
            buf->size += (size_t)got;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return EFBIG;
}

static cli_exit fail_reading(cli *c, const char *path, int number, size_t bytes_max) {
    if (number == ENOMEM) {
        return cli_nomem(c);
    }
    if (number == EFBIG) {
        return cli_fail(c, CLI_EXIT_USAGE, NULL, "%s is larger than %zu bytes", shown_name(path),
                        bytes_max);
    }
    return cli_fail(c, number == ENOENT ? CLI_EXIT_NOTFOUND : CLI_EXIT_USAGE, NULL,
                    "cannot read %s: %s", shown_name(path), strerror(number));
}

cli_exit cli_file(cli *c, const char *path, size_t bytes_max, tk_str *text) {
    bool stdin_meant = strcmp(path, "-") == 0;
    int fd = stdin_meant ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_reading(c, path, errno, bytes_max);
    }
    tk_buf buf = {0};
    int number = read_all(fd, bytes_max, &buf);
    if (!stdin_meant) {
        close(fd);
    }
    if (number == 0 && !tk_arena_str(&c->arena, tk_buf_view(&buf), text)) {
        number = ENOMEM;
    }
    tk_buf_release(&buf);
    return number == 0 ? CLI_EXIT_OK : fail_reading(c, path, number, bytes_max);
}

cli_exit cli_document(cli *c, const char *what, const char *word, tk_str *text) {
    if (strcmp(word, "-") == 0) {
        return cli_file(c, "-", CLI_DOCUMENT_BYTES_MAX, text);
    }
    if (word[0] == '@') {
        return cli_file(c, word + 1, CLI_DOCUMENT_BYTES_MAX, text);
    }
    *text = tk_str_of(word);
    if (text->size == 0) {
        return cli_fail(c, CLI_EXIT_USAGE, NULL, "%s is empty: expected JSON, @FILE or -", what);
    }
    return CLI_EXIT_OK;
}
