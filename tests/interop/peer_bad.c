/*
 * Messages that no client should send, and the proof that a server outlives them. A server of the
 * field says nothing to most of them; one that knows better answers with an error or closes the
 * connection, which libzmq makes anew. What must never come is success for a message that cannot be
 * carried out.
 */
#include "peer_checks.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MS 300 /* how long an answer to a bad message is waited for */

struct bad {
    const char* name;
    uint32_t type;
    uint32_t size;
    unsigned frames; /* how many are sent; 4 and on are data frames */
    size_t address_size;
    size_t data_size;  /* of each data frame */
    bool ok_by_legacy; /* Rogue carries it out and says OK */
};

static const struct bad kinds[] = {
    {"short-header", PEER_READ, 4, 4, 7, 0, false},
    {"missing-data", PEER_WRITE, 4, 4, 8, 0, false},
    {"data-length", PEER_WRITE, 8, 5, 8, 4, false},
    {"too-many", PEER_WRITE, 4, 7, 8, 4, false},
    {"many-frames", PEER_WRITE, 4, 100, 8, 4, false},
    {"size-zero", PEER_READ, 0, 4, 8, 0, true},
    {"type-7", 7, 4, 4, 8, 0, true},
    {"huge-read", PEER_READ, 0xF0000000u, 4, 8, 0, false},
};

static bool send_bad(struct link* link, const struct bad* bad, uint32_t id) {
    uint8_t header[4][8] = {{0}}, data[8] = {0xBA, 0xD0, 0xBA, 0xD0, 0xBA, 0xD0, 0xBA, 0xD0};
    struct link_frame frames[100] = {
        {header[0], 4}, {header[1], bad->address_size}, {header[2], 4}, {header[3], 4}};
    for (unsigned i = 4; i < bad->frames; i++)
        frames[i] = (struct link_frame){data, bad->data_size};
    peer_put_u32(header[0], id);
    peer_put_u64(header[1], link->at);
    peer_put_u32(header[2], bad->size);
    peer_put_u32(header[3], bad->type);
    return link_send_frames(link, frames, bad->frames, peer_now_ms() + link->timeout_ms);
}

/* Judges what came back, if anything did, and prints it: the line tells a runner which of the legal
 * ways it was. */
static bool judge_answer(struct link* link, const struct bad* bad, enum link_result result,
                         const struct link_reply* reply) {
    if (result == LINK_WRONG) return false;
    if (result == LINK_NONE) {
        printf("bad %s: silent\n", bad->name);
        return link->bad_answer != LINK_BAD_ERROR ||
               link_fail(link, "%s: no answer, where an error was demanded", bad->name);
    }
    if (reply->ok) {
        printf("bad %s: carried out\n", bad->name);
        if (!bad->ok_by_legacy) return link_fail(link, "%s: answered with success", bad->name);
        if (reply->data_size != bad->size)
            return link_fail(link, "%s: success with %zu bytes for a size of %u", bad->name,
                             reply->data_size, bad->size);
    } else {
        printf("bad %s: error: %.200s\n", bad->name, reply->error);
    }
    if (link->bad_answer == LINK_BAD_SILENT)
        return link_fail(link, "%s: an answer, where silence was demanded", bad->name);
    if (link->bad_answer == LINK_BAD_ERROR && reply->ok)
        return link_fail(link, "%s: success, where an error was demanded", bad->name);
    return true;
}

/* A read is tried until one succeeds: the first may go down with a connection that the server has
 * closed. */
static bool still_well(struct link* link, const struct bad* bad) {
    uint64_t deadline = peer_now_ms() + link->timeout_ms;
    uint32_t each = link->timeout_ms < 400 ? link->timeout_ms : 400;
    do {
        struct link_reply reply;
        enum link_result result = link_transact(link, PEER_READ, link->at, NULL, 4, each, &reply);
        if (result == LINK_WRONG) return false;
        if (result == LINK_NONE) continue;
        if (!reply.ok)
            link_fail(link, "%s: the good read after it failed: %.400s", bad->name, reply.error);
        bool ok = reply.ok;
        link_reply_close(&reply);
        return ok;
    } while (peer_now_ms() < deadline);
    return link_fail(link, "%s: no good read within %u ms after it", bad->name, link->timeout_ms);
}

static bool try_bad(struct link* link, const struct bad* bad) {
    struct link_reply reply;
    enum link_result result = LINK_NONE;
    uint32_t id = link_issue(link, true);
    if (id == 0) return link_fail(link, "no memory");
    if (!send_bad(link, bad, id)) return link_fail(link, "%s: it could not be sent", bad->name);
    result = link_collect(link, peer_now_ms() + ANSWER_MS, &reply);
    if (result == LINK_NONE) link_give_up(link, id);
    bool held = judge_answer(link, bad, result, &reply);
    if (result == LINK_OK) link_reply_close(&reply);
    return held && still_well(link, bad);
}

bool check_bad(struct link* link, const char* kind) {
    bool all = strcmp(kind, "all") == 0, found = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!all && strcmp(kind, kinds[i].name) != 0) continue;
        found = true;
        if (!try_bad(link, &kinds[i])) return false;
    }
    link->usage = !found;
    return found || link_fail(link, "no kind of bad message is named %.100s", kind);
}
