/*
 * order.c - an order: validate, reserve, pay, ship. Results are JSON objects, the payment is tried
 * twice, and the last step sees what all the steps before it found.
 */
#include <inttypes.h>

#include "common.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void validate(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    int64_t unit_cents = 0;
    int64_t quantity = 0;
    if (!example_member_int(step->context, "unit_cents", &unit_cents) ||
        !example_member_int(step->context, "quantity", &quantity)) {
        example_fail(outcome, false, "the order has no price or no quantity");
        return;
    }
    example_succeed_text(outcome, "{\"total_cents\": %" PRId64 "}", unit_cents * quantity);
}

static void reserve(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    int64_t quantity = 0;
    example_member_int(step->context, "quantity", &quantity);
    example_succeed_text(outcome, "{\"reserved\": %" PRId64 ", \"shelf\": 7}", quantity);
}

/* The gateway is told the step's id: it is the same in every attempt, so that an attempt whose answer
 * was lost does not charge twice. */
static void pay(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    int64_t total_cents = 0;
    if (step->attempts_before == 0) {
        example_fail(outcome, true, "the payment gateway does not answer");
        return;
    }
    if (!example_member_int(example_result(step, "validate_order"), "total_cents", &total_cents)) {
        example_fail(outcome, false, "the order was not validated");
        return;
    }
    example_succeed_text(outcome, "{\"paid_cents\": %" PRId64 ", \"payment_id\": \"P-%s\"}",
                         total_cents, step->step_id);
}

/* Its one parent is the payment; the shelf is what an ancestor found. */
static void ship(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    int64_t paid_cents = 0;
    int64_t shelf = 0;
    if (!example_member_int(example_result(step, "process_payment"), "paid_cents", &paid_cents) ||
        !example_member_int(example_result(step, "reserve_inventory"), "shelf", &shelf)) {
        example_fail(outcome, false, "the order was not paid or not reserved");
        return;
    }
    example_succeed_text(outcome,
                         "\"paid %" PRId64 ".%02" PRId64 ", shipped from shelf %" PRId64 "\"",
                         paid_cents / 100, paid_cents % 100, shelf);
}

static const tasker_handler handlers[] = {
    {"order.validate", validate, NULL},
    {"order.reserve", reserve, NULL},
    {"order.pay", pay, NULL},
    {"order.ship", ship, NULL},
};

int main(int argc, char **argv) {
    const example order = {
        .name = "order",
        .namespace_name = "c_order",
        .task_name = "business_workflow",
        .last_step = "ship_order",
        .context = "{\"order_id\": \"A-1001\", \"unit_cents\": 1250, \"quantity\": 3,"
                   " \"token\": \"tok_4242\"}",
        .handlers = handlers,
        .handler_count = COUNT(handlers),
    };
    return example_main(&order, argc, argv);
}
