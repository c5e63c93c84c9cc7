/*
 * secret.h - secrets of API keys, and the fingerprints that are kept of them.
 */
#ifndef TK_SECRET_H
#define TK_SECRET_H

#include "buf.h"
#include "random.h"

#define TK_SECRET_PREFIX "tsk_"
#define TK_SECRET_SIZE 69 /* the prefix, 64 hexadecimal digits, and a NUL */
#define TK_SECRET_HASH_BYTES 32

/* tk_secret_make writes a new secret: 256 random bits. */
void tk_secret_make(const tk_random *random, char secret[TK_SECRET_SIZE]);

/* tk_secret_hash is the SHA-256 of a secret, by OpenSSL's libcrypto, loaded with the first call; as a secret
 * is random, no salt or slowness is needed. UNSUPPORTED: the library was not found. */
tasker_status tk_secret_hash(tk_str secret, uint8_t hash[TK_SECRET_HASH_BYTES],
                             tasker_error *error);

#endif
