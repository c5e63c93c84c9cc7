/*
 * secret.c - secrets from the system's chance, fingerprints from OpenSSL's libcrypto.
 *
 * libcrypto is found at run time, so that only who uses API keys needs it.
 */
#include "secret.h"

#include <dlfcn.h>
#include <pthread.h>

/* Of OpenSSL 3 and 1.1; the function is the same in both. */
static const char *const files[] = {"libcrypto.so.3", "libcrypto.so.1.1"};

typedef unsigned char *sha256_fn(const unsigned char *data, size_t size, unsigned char *digest);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sha256_fn *sha256; /* NULL: not found */

static void library_find(void) {
    for (size_t i = 0; i < TK_COUNT_OF(files) && sha256 == NULL; i++) {
        void *library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL); /* stays open, as libpq does */
        void *function = library == NULL ? NULL : dlsym(library, "SHA256");
        memcpy(&sha256, &function, sizeof(function));
    }
}

void tk_secret_make(const tk_random *random, char secret[TK_SECRET_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    size_t at = sizeof(TK_SECRET_PREFIX) - 1;
    memcpy(secret, TK_SECRET_PREFIX, at);
    while (at < TK_SECRET_SIZE - 1) {
        uint64_t bits = tk_random_next(random);
        for (int i = 0; i < 16; i++, bits >>= 4) {
            secret[at++] = digits[bits & 15];
        }
    }
    secret[at] = '\0';
}

tasker_status tk_secret_hash(tk_str secret, uint8_t hash[TK_SECRET_HASH_BYTES],
                             tasker_error *error) {
    (void)pthread_once(&once, library_find);
    if (sha256 == NULL) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "API keys need OpenSSL's libcrypto, where SHA256 was not found; install it "
                       "(Debian: libssl3)");
    }
    if (sha256((const unsigned char *)secret.data, secret.size, hash) == NULL) {
        return tk_fail(error, TASKER_STORE, "libcrypto could not make a SHA-256");
    }
    return TASKER_OK;
}
