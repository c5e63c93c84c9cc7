/*
 * histogram.c - durations counted by their size.
 */
#include "histogram.h"

#define FIRST_BITS 7 /* the first bucket ends at 2^7 us */

/* Powers of 2: where the quarters of a doubling begin, and their middles. */
static const double quarters[] = {1.0, 1.189207115002721, 1.414213562373095, 1.681792830507429};
static const double middles[] = {1.090507732665258, 1.296839554651010, 1.542210825407941,
                                 1.834008086409342};

static uint32_t bucket_of(int64_t us) {
    if (us < (INT64_C(1) << FIRST_BITS)) {
        return 0;
    }
    uint32_t bits = 63 - (uint32_t)__builtin_clzll((uint64_t)us);
    double share = (double)us / (double)(UINT64_C(1) << bits);
    uint32_t quarter = 3;
    while (share < quarters[quarter]) {
        quarter--;
    }
    uint32_t bucket = (bits - FIRST_BITS) * 4 + quarter + 1;
    return bucket < TK_HISTOGRAM_BUCKETS ? bucket : TK_HISTOGRAM_BUCKETS - 1;
}

static double middle_of(uint32_t bucket) {
    if (bucket == 0) {
        return (double)(UINT64_C(1) << (FIRST_BITS - 1));
    }
    return (double)(UINT64_C(1) << ((bucket - 1) / 4 + FIRST_BITS)) * middles[(bucket - 1) % 4];
}

static void count(tk_histogram *h, uint32_t bucket, uint64_t more) {
    uint64_t sum = h->counts[bucket] + more;
    h->counts[bucket] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

void tk_histogram_add(tk_histogram *h, int64_t us) {
    count(h, bucket_of(us), 1);
}

void tk_histogram_merge(tk_histogram *into, const tk_histogram *from) {
    for (uint32_t i = 0; i < TK_HISTOGRAM_BUCKETS; i++) {
        count(into, i, from->counts[i]);
    }
}

uint64_t tk_histogram_total(const tk_histogram *h) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < TK_HISTOGRAM_BUCKETS; i++) {
        total += h->counts[i];
    }
    return total;
}

double tk_histogram_quantile(const tk_histogram *h, double share) {
    uint64_t total = tk_histogram_total(h);
    uint64_t seen = 0;
    double wanted = share * (double)total;
    for (uint32_t i = 0; i < TK_HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (h->counts[i] > 0 && (double)seen >= wanted) {
            return middle_of(i);
        }
    }
    return -1;
}

void tk_histogram_write(const tk_histogram *h, tk_buf *buf) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < TK_HISTOGRAM_BUCKETS; i++) {
        used += h->counts[i] > 0;
    }
    tk_buf_char(buf, (char)used);
    for (uint32_t i = 0; i < TK_HISTOGRAM_BUCKETS; i++) {
        uint32_t left = h->counts[i];
        if (left == 0) {
            continue;
        }
        tk_buf_char(buf, (char)i);
        for (; left >= 128; left >>= 7) {
            tk_buf_char(buf, (char)(left | 128));
        }
        tk_buf_char(buf, (char)left);
    }
}

/* A number of 7 bits a byte, at most 5 of them; false: there is none. */
static bool number_read(const uint8_t **at, const uint8_t *end, uint64_t *number) {
    *number = 0;
    for (uint32_t shift = 0; shift < 35 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return true;
        }
    }
    return false;
}

bool tk_histogram_read(tk_str *bytes, tk_histogram *into) {
    const uint8_t *at = (const uint8_t *)bytes->data;
    const uint8_t *end = at + bytes->size;
    uint32_t used = at < end ? *at++ : 0;
    for (uint32_t i = 0; i < used; i++) {
        uint64_t number = 0;
        uint32_t bucket = at < end ? *at++ : TK_HISTOGRAM_BUCKETS;
        if (bucket >= TK_HISTOGRAM_BUCKETS || !number_read(&at, end, &number)) {
            return false;
        }
        count(into, bucket, number);
    }
    *bytes = (tk_str){(const char *)at, (size_t)(end - at)};
    return true;
}
