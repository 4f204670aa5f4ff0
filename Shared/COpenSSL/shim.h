#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <sys/prctl.h>

// Variadic functions are not imported into Swift.
static inline void caredata_forbid_dumps(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
