/* The loggers: levels, filters, the sink and its finalizer. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

typedef struct {
    int calls;
    uint32_t level;
    char name[64];
    char text[64];
} last_record;

static counter finalized = COUNTER_INIT;

static void finalize(void* user) {
    (void)user;
    counter_add(&finalized);
}

static void receive(void* user, uint32_t level, const char* name, const char* text) {
    last_record* last = user;
    last->calls += 1;
    last->level = level;
    snprintf(last->name, sizeof last->name, "%s", name);
    snprintf(last->text, sizeof last->text, "%s", text);
    /* What a sink logs does not come back to it. */
    CHECK_OK(rim_log(RIM_LOG_CRITICAL, "test.Sink", "from within"));
}

int main(void) {
    last_record first = {0, 0, {0}, {0}}, second = {0, 0, {0}, {0}};
    rim_master* master;
    uint8_t data[4];
    uint32_t id;

    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_log_set_sink(receive, &first, finalize));

    CHECK_OK(rim_log(RIM_LOG_WARNING, "test.A", "too low"));
    CHECK(first.calls == 0);
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test.A", "%s%n is data"));
    CHECK(first.calls == 1 && first.level == RIM_LOG_ERROR);
    CHECK(strcmp(first.name, "pyrogue.test.A") == 0);
    CHECK(strcmp(first.text, "%s%n is data") == 0);

    CHECK_OK(rim_log_set_filter("test.A", RIM_LOG_DEBUG));
    CHECK_OK(rim_log(RIM_LOG_DEBUG, "pyrogue.test.A.inner", "deep"));
    CHECK_OK(rim_log(RIM_LOG_DEBUG, "test.B", "elsewhere"));
    CHECK(first.calls == 2 && strcmp(first.text, "deep") == 0);
    CHECK_OK(rim_log_set_level(RIM_LOG_INFO));
    CHECK_OK(rim_log(RIM_LOG_INFO, "test.B", "elsewhere"));
    CHECK(first.calls == 3);
    CHECK_OK(rim_log_set_level(RIM_LOG_ERROR));

    /* The library's own loggers come the same way. */
    CHECK_OK(rim_log_set_filter("pyrogue.memory.Master", RIM_LOG_DEBUG));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_request(master, 0x40, data, 4, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    rim_master_free(master);
    CHECK(first.calls == 4 && strcmp(first.name, "pyrogue.memory.Master") == 0);

    CHECK(counter_get(&finalized) == 0);
    CHECK_OK(rim_log_set_sink(receive, &second, finalize));
    CHECK(counter_get(&finalized) == 1);
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test.C", "\xfe\x80"));
    CHECK(first.calls == 4 && second.calls == 1);
    CHECK(strcmp(second.text, "\xef\xbf\xbd\xef\xbf\xbd") == 0);
    CHECK_OK(rim_log_set_sink(NULL, &second, finalize));
    CHECK(counter_get(&finalized) == 2);
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test.C", "to nobody"));
    CHECK(second.calls == 1);

    CHECK_STATUS(rim_log(RIM_LOG_ERROR, NULL, "x"), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_log(RIM_LOG_ERROR, "x", NULL), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_log_set_filter(NULL, 10), RIM_STATUS_NULL_ARGUMENT);
    return 0;
}
