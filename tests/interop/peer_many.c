/* The checks of peer_client in which it is one of many clients. */
#include "model.h"
#include "peer_checks.h"
#include "sharing.h"

#include <inttypes.h>
#include <stdio.h>

#define TIMEOUT_MS 60000u /* it may wait for a hundred others on a machine that is busy */

static uint32_t issue(struct link* link, uint64_t address, const struct model_step* step) {
    struct peer_header request = {link_issue(link, step->type != MODEL_POST),
                                  address + step->offset, step->size, step->type};
    if (request.id == 0 || !link_send(link, &request, step->data, peer_now_ms() + TIMEOUT_MS)) {
        link_fail(link, "type %u of %u bytes at 0x%" PRIx64 " could not be sent", step->type,
                  step->size, request.address);
        return 0;
    }
    return request.id;
}

/* One response, to a transaction from `first` on. */
static bool collect(struct link* link, uint64_t address, const struct model_step* steps,
                    uint32_t first) {
    struct link_reply reply;
    enum link_result result = link_collect(link, peer_now_ms() + TIMEOUT_MS, &reply);
    if (result == LINK_NONE) return link_fail(link, "no response within %u ms", TIMEOUT_MS);
    if (result == LINK_WRONG) return false;
    const struct model_step* step = &steps[reply.header.id - first];
    struct peer_header request = {reply.header.id, address + step->offset, step->size, step->type};
    bool held = link_check(link, &request, step->data, &reply) == LINK_OK;
    if (held && !reply.ok)
        held = link_fail(link, "type %u of %u bytes at 0x%" PRIx64 " failed: %.300s", step->type,
                         step->size, request.address, reply.error);
    if (held && step->type != MODEL_WRITE)
        held = link_compare(link, "one of many", request.address, reply.data, step->expected,
                            step->size);
    link_reply_close(&reply);
    return held;
}

/* Some of those that are shared, under way at once. */
static bool share(struct link* link, struct sharing* sharing, uint32_t count) {
    static struct sharing_step steps[SHARING_BATCH];
    uint32_t first = link->next_id, answers = 0;
    for (uint32_t i = 0; i < count; i++) {
        sharing_next(sharing, &steps[i]);
        bool answered = steps[i].type != HISTORY_POST;
        struct peer_header request = {link_issue(link, answered), steps[i].address, 8,
                                      steps[i].type};
        if (request.id == 0 ||
            !link_send(link, &request, (const uint8_t*)&steps[i].word, peer_now_ms() + TIMEOUT_MS))
            return link_fail(link, "what is shared could not be sent");
        answers += answered;
    }
    while (answers-- > 0) {
        struct link_reply reply;
        enum link_result result = link_collect(link, peer_now_ms() + TIMEOUT_MS, &reply);
        if (result == LINK_NONE) return link_fail(link, "no response within %u ms", TIMEOUT_MS);
        if (result == LINK_WRONG) return false;
        struct sharing_step* step = &steps[reply.header.id - first];
        struct peer_header request = {reply.header.id, step->address, 8, step->type};
        step->ended_ns = history_now();
        bool held = link_check(link, &request, (const uint8_t*)&step->word, &reply) == LINK_OK &&
                    (reply.ok || link_fail(link, "what is shared failed: %.300s", reply.error));
        if (held && step->type != HISTORY_WRITE) memcpy(&step->word, reply.data, 8);
        link_reply_close(&reply);
        if (!held) return false;
    }
    for (uint32_t i = 0; i < count; i++)
        sharing_done(sharing, &steps[i]);
    return true;
}

bool check_many(struct link* link, uint64_t address, uint32_t count, uint64_t seed) {
    static struct model model;
    static struct model_step steps[MODEL_BATCH];
    static struct sharing sharing;
    uint64_t asked = 1; /* the last one */
    sharing_begin(&sharing, "field", address >> 32);
    model_begin(&model, seed);
    while (asked < count) {
        uint32_t batch = model_below(&model, 3) == 0 ? 1 + model_below(&model, MODEL_BATCH) : 1;
        sharing.connection = 1 + link_drops(link);
        uint32_t shared = sharing_turn(&sharing);
        if (shared > 0 && !share(link, &sharing, shared)) return false;
        if (batch > count - asked) batch = (uint32_t)(count - asked);
        uint32_t first = link->next_id, answers = 0;
        for (uint32_t i = 0; i < batch; i++) {
            model_next(&model, &steps[i]);
            if (issue(link, address, &steps[i]) == 0) return false;
            answers += steps[i].type != MODEL_POST;
        }
        while (answers-- > 0)
            if (!collect(link, address, steps, first)) return false;
        asked += batch;
    }
    /* A Post is not waited for, so it is a read that says that all was carried out. */
    steps[0] = (struct model_step){.type = MODEL_READ, .size = 1};
    steps[0].expected[0] = model.bytes[0];
    uint64_t begun_ns = history_now();
    uint32_t last = issue(link, address, &steps[0]);
    if (last == 0 || !collect(link, address, steps, last)) return false;
    sharing_answered(&sharing, begun_ns);
    sharing_end(&sharing);
    printf("asked=%" PRIu64 "\nshared=%" PRIu64 "\n", asked, sharing.count);
    return true;
}

bool check_ask(struct link* link, uint64_t address, uint32_t size, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct peer_header request = {link_issue(link, true), address + (uint64_t)i * size, size,
                                      PEER_READ};
        if (request.id == 0 || !link_send(link, &request, NULL, peer_now_ms() + link->timeout_ms))
            return link_fail(link, "read %u of %u could not be sent", i, count);
    }
    link->asked += count;
    return true;
}

bool check_collect(struct link* link) {
    for (; link->asked > 0; link->asked--) {
        struct link_reply reply;
        enum link_result result = link_collect(link, peer_now_ms() + link->timeout_ms, &reply);
        if (result == LINK_NONE) return link_fail(link, "%u responses have not come", link->asked);
        if (result == LINK_WRONG) return false;
        bool held = (reply.ok && reply.data_size == reply.header.size) ||
                    link_fail(link, "id %u: %zu bytes, %s", reply.header.id, reply.data_size,
                              reply.ok ? "success" : reply.error);
        link_reply_close(&reply);
        if (!held) return false;
    }
    return true;
}
