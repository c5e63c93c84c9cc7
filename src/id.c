/*
 * id.c - identifiers that need no look-up: a step's is its task's plus its number, a claim's holds
 * its token, and a named thing's comes from its name.
 *
 *   bytes   0..5      6..7            8..13                 14..15
 *   task    time, ms  7 + 12 noise    variant + 46 noise    0
 *   step    the same                                        step number + 1
 *   event   token     8 + mark        variant + mark        token
 */
#include "id.h"

/* What an event's id holds besides its token, version and variant: any fixed bits. */
static const uint8_t event_mark[8] = {0x8c, 0x1a, 0x9b, 0xd3, 0x74, 0x6b, 0xe5, 0x27};

static void number_write(uint8_t *bytes, size_t count, uint64_t number) {
    for (size_t i = count; i > 0; i--) {
        bytes[i - 1] = (uint8_t)(number & 0xff);
        number >>= 8;
    }
}

static uint64_t number_read(const uint8_t *bytes, size_t count) {
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static void version_set(tk_uuid *id, uint8_t version) {
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | version << 4);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

tk_uuid tk_uuid_task(int64_t now_us, uint64_t noise) {
    tk_uuid id;
    uint64_t now_ms = now_us < 0 ? 0 : (uint64_t)now_us / 1000;
    number_write(id.bytes, 6, now_ms);
    number_write(id.bytes + 6, 2, noise >> 46);
    number_write(id.bytes + 8, 6, noise);
    number_write(id.bytes + 14, 2, 0);
    version_set(&id, 7);
    return id;
}

int64_t tk_uuid_time_us(const tk_uuid *task) {
    return (int64_t)number_read(task->bytes, 6) * 1000;
}

tk_uuid tk_uuid_floor(int64_t at_us) {
    tk_uuid id = {{0}};
    number_write(id.bytes, 6, at_us < 0 ? 0 : (uint64_t)at_us / 1000);
    return id;
}

tk_uuid tk_uuid_step(const tk_uuid *task, uint32_t step) {
    assert(step < UINT16_MAX);
    tk_uuid id = *task;
    number_write(id.bytes + 14, 2, step + 1);
    return id;
}

bool tk_uuid_step_split(const tk_uuid *id, tk_uuid *task, uint32_t *step) {
    uint64_t number = number_read(id->bytes + 14, 2);
    if (number == 0) {
        return false;
    }
    tk_uuid owner = *id; /* `task` may be `id` itself */
    number_write(owner.bytes + 14, 2, 0);
    *task = owner;
    *step = (uint32_t)number - 1;
    return true;
}

tk_uuid tk_uuid_event(uint64_t token) {
    tk_uuid id;
    number_write(id.bytes, 6, token >> 16);
    memcpy(id.bytes + 6, event_mark, sizeof(event_mark));
    number_write(id.bytes + 14, 2, token);
    return id;
}

bool tk_uuid_event_token(const tk_uuid *id, uint64_t *token) {
    if (memcmp(id->bytes + 6, event_mark, sizeof(event_mark)) != 0) {
        return false;
    }
    *token = number_read(id->bytes, 6) << 16 | number_read(id->bytes + 14, 2);
    return true;
}

tk_uuid tk_uuid_derived(tk_str text) {
    tk_digest digest = tk_digest_of(text);
    tk_uuid id;
    static_assert(sizeof(id.bytes) == sizeof(digest.bytes), "a digest fills an id");
    memcpy(id.bytes, digest.bytes, sizeof(id.bytes));
    version_set(&id, 8);
    return id;
}

static bool is_dash_place(size_t place) {
    return place == 8 || place == 13 || place == 18 || place == 23;
}

void tk_uuid_format(const tk_uuid *id, char text[TASKER_UUID_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    size_t place = 0;
    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        if (is_dash_place(place)) {
            text[place++] = '-';
        }
        text[place++] = digits[id->bytes[i] >> 4];
        text[place++] = digits[id->bytes[i] & 0x0f];
    }
    text[place] = '\0';
    assert(place == TASKER_UUID_SIZE - 1);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool tk_uuid_parse(tk_str text, tk_uuid *id) {
    if (text.size != TASKER_UUID_SIZE - 1) {
        return false;
    }
    tk_uuid read;
    size_t place = 0;
    for (size_t i = 0; i < sizeof(read.bytes); i++) {
        if (is_dash_place(place) && text.data[place++] != '-') {
            return false;
        }
        int high = hex_value(text.data[place++]);
        int low = hex_value(text.data[place++]);
        if (high < 0 || low < 0) {
            return false;
        }
        read.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *id = read;
    return true;
}

/* FNV-1a with 128 bits as two words. Its prime is 2^88 + 0x13b, so the product is a shift and a
 * small multiplication. */
tk_digest tk_digest_of(tk_str text) {
    const uint64_t small = 0x13b;
    uint64_t high = UINT64_C(0x6c62272e07bb0142);
    uint64_t low = UINT64_C(0x62b821756295c58d);

    for (size_t i = 0; i < text.size; i++) {
        low ^= (uint8_t)text.data[i];
        uint64_t bottom = (low & UINT32_MAX) * small;
        uint64_t middle = (low >> 32) * small + (bottom >> 32);
        high = high * small + (low << 24) + (middle >> 32);
        low = middle << 32 | (bottom & UINT32_MAX);
    }
    tk_digest digest;
    number_write(digest.bytes, 8, high);
    number_write(digest.bytes + 8, 8, low);
    return digest;
}
