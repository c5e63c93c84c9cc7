/*
 * clock.c - the machine's clock, and times as text (RFC 3339).
 *
 * Days are counted in years that begin in March: the leap day is then a year's last, and a month's
 * first day is a plain formula.
 */
#include "clock.h"

#include <time.h>

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)
#define YEAR_MIN 1970
#define YEAR_MAX 9999
#define TIME_US_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

enum {
    DAYS_400_YEARS = 146097,
    DAYS_TO_1970 = 719468, /* from 0000-03-01 */
    TIME_SIZE = sizeof("2026-01-31T23:59:59.123456Z") - 1
};

static int64_t clock_read_us(clockid_t id) {
    struct timespec now;
    int failed = clock_gettime(id, &now);
    assert(failed == 0);
    (void)failed;
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

static int64_t system_now_us(void *user) {
    (void)user;
    return clock_read_us(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(void *user) {
    (void)user;
    return clock_read_us(CLOCK_MONOTONIC);
}

const tk_clock tk_clock_system = {.now_us = system_now_us, .monotonic_us = system_monotonic_us};

struct timespec tk_deadline_in(int64_t timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

int64_t tk_clock_now(const tk_clock *clock) {
    return clock->now_us(clock->user);
}

int64_t tk_clock_monotonic(const tk_clock *clock) {
    return clock->monotonic_us(clock->user);
}

/* Days since 1970-01-01 of a date in the years 1970..9999. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t march_month = (month + 9) % 12; /* March is 0 */
    int64_t century = march_year / 100;
    int64_t before_year = march_year * 365 + march_year / 4 - century + century / 4;
    int64_t before_month = (march_month * 153 + 2) / 5;
    return before_year + before_month + day - 1 - DAYS_TO_1970;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    int64_t count = days + DAYS_TO_1970;
    int64_t era = count / DAYS_400_YEARS;
    int64_t in_era = count % DAYS_400_YEARS;
    /* Taking the leap days out leaves years of 365 days. */
    int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (in_year * 5 + 2) / 153;

    *day = in_year - (march_month * 153 + 2) / 5 + 1;
    *month = (march_month + 2) % 12 + 1;
    *year = era * 400 + year_of_era + (*month <= 2 ? 1 : 0);
}

static char *digits_write(char *at, int64_t number, size_t count) {
    for (size_t i = count; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + count;
}

/* A time out of the years 1970..9999 is written as the nearest one within. */
void tk_time_write(tk_buf *buf, int64_t time_us) {
    if (time_us < 0) {
        time_us = 0;
    } else if (time_us > TIME_US_MAX) {
        time_us = TIME_US_MAX;
    }
    int64_t seconds = time_us / SECOND_US;
    int64_t in_day = seconds % DAY_S;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    date_of(seconds / DAY_S, &year, &month, &day);

    char text[TIME_SIZE];
    char *at = digits_write(text, year, 4);
    *at++ = '-';
    at = digits_write(at, month, 2);
    *at++ = '-';
    at = digits_write(at, day, 2);
    *at++ = 'T';
    at = digits_write(at, in_day / 3600, 2);
    *at++ = ':';
    at = digits_write(at, in_day / 60 % 60, 2);
    *at++ = ':';
    at = digits_write(at, in_day % 60, 2);
    *at++ = '.';
    at = digits_write(at, time_us % SECOND_US, 6);
    *at++ = 'Z';
    tk_buf_add(buf, text, sizeof(text));
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads exactly `count` digits and then `mark` (none if NUL); moves `text` on. */
static bool digits_read(tk_str *text, size_t count, char mark, int64_t *number) {
    size_t size = count + (mark == '\0' ? 0 : 1);
    if (text->size < size) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text->data[i])) {
            return false;
        }
        value = value * 10 + (text->data[i] - '0');
    }
    if (mark != '\0' && text->data[count] != mark) {
        return false;
    }
    *text = (tk_str){text->data + size, text->size - size};
    *number = value;
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool date_read(tk_str *text, int64_t *days) {
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (!digits_read(text, 4, '-', &year) || !digits_read(text, 2, '-', &month) ||
        !digits_read(text, 2, '\0', &day)) {
        return false;
    }
    /* One year less at the lower end: an offset may still bring the time back to 1970. */
    if (year < YEAR_MIN - 1 || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month)) {
        return false;
    }
    *days = days_of(year, month, day);
    return true;
}

/* ".123456789": at least one digit; what is finer than a microsecond is dropped. */
static bool fraction_read(tk_str *text, int64_t *us) {
    *us = 0;
    if (text->size == 0 || text->data[0] != '.') {
        return true;
    }
    size_t place = 1;
    int64_t unit_us = SECOND_US / 10;
    while (place < text->size && is_digit(text->data[place])) {
        *us += (text->data[place] - '0') * unit_us;
        unit_us /= 10;
        place++;
    }
    *text = (tk_str){text->data + place, text->size - place};
    return place > 1;
}

/* "Z", "+02:00", "-02:00" or nothing, which is UTC, up to the text's end. */
static bool offset_read(tk_str text, int64_t *offset_s) {
    *offset_s = 0;
    if (text.size == 0) {
        return true;
    }
    char sign = text.data[0];
    text = (tk_str){text.data + 1, text.size - 1};
    if (sign == 'Z' || sign == 'z') {
        return text.size == 0;
    }
    int64_t hours = 0;
    int64_t minutes = 0;
    if ((sign != '+' && sign != '-') || !digits_read(&text, 2, ':', &hours) ||
        !digits_read(&text, 2, '\0', &minutes) || text.size != 0 || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

/* Reads what follows a date: 'T' (or a blank), time and offset. A leap second (60) may only end a
 * day of UTC and counts as the next day's first. */
static bool time_of_day_read(tk_str text, int64_t *seconds, int64_t *us) {
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t offset_s = 0;
    char mark = text.data[0];
    if (mark != 'T' && mark != 't' && mark != ' ') {
        return false;
    }
    text = (tk_str){text.data + 1, text.size - 1};
    if (!digits_read(&text, 2, ':', &hour) || !digits_read(&text, 2, ':', &minute) ||
        !digits_read(&text, 2, '\0', &second) || !fraction_read(&text, us) ||
        !offset_read(text, &offset_s)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second - offset_s;
    return second < 60 || *seconds % DAY_S == 0;
}

bool tk_time_parse(tk_str text, int64_t *time_us) {
    int64_t days = 0;
    int64_t seconds = 0;
    int64_t us = 0;
    if (!date_read(&text, &days)) {
        return false;
    }
    if (text.size > 0 && !time_of_day_read(text, &seconds, &us)) {
        return false;
    }
    int64_t result_us = (days * DAY_S + seconds) * SECOND_US + us;
    if (result_us < 0 || result_us > TIME_US_MAX) {
        return false;
    }
    *time_us = result_us;
    return true;
}
