/* The checks of peer_client that take more than one transaction; the malformed messages are in
 * peer_bad.c. */
#include "peer_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_back(struct link* link, uint32_t type, uint64_t address, const uint8_t* expected,
                      uint32_t size) {
    struct link_reply reply;
    if (!link_demand(link, type, address, NULL, size, &reply)) return false;
    bool same = link_compare(link, link_type_name(type), address, reply.data, expected, size);
    link_reply_close(&reply);
    return same;
}

bool check_block(struct link* link, uint64_t address, uint32_t size, uint64_t seed) {
    struct link_reply reply;
    uint8_t* pattern = malloc(size);
    if (pattern == NULL) return link_fail(link, "no memory for a block of %u bytes", size);
    peer_pattern(pattern, size, seed);
    bool held = link_demand(link, PEER_WRITE, address, pattern, size, &reply);
    if (held) link_reply_close(&reply);
    held = held && read_back(link, PEER_READ, address, pattern, size) &&
           read_back(link, PEER_VERIFY, address, pattern, size);
    free(pattern);
    return held;
}

bool check_sweep(struct link* link, uint64_t address, uint32_t most, uint64_t seed) {
    uint64_t last = 0;
    for (uint64_t power = 1; power <= most; power *= 2) {
        for (uint64_t size = power - 1; size <= power + 1; size++) {
            if (size <= last || size > most || size % link->align != 0) continue;
            if (!check_block(link, address, (uint32_t)size, seed + size)) return false;
            last = size;
        }
    }
    if (most > last && most % link->align == 0)
        return check_block(link, address, most, seed + most);
    return last > 0 || link_fail(link, "no size up to %u is a multiple of %u", most, link->align);
}

/* The value of a word of check_outstanding: told by the id that wrote it, and never 0 as fresh
 * memory is. */
static uint32_t word_of(uint32_t id) { return (id * UINT32_C(2654435761)) | 1; }

static bool outstanding_reply(struct link* link, const struct peer_header* sent,
                              const struct link_reply* reply) {
    uint8_t word[4];
    bool write = sent->type == PEER_WRITE;
    if (write) peer_put_u32(word, word_of(sent->id));
    if (link_check(link, sent, write ? word : NULL, reply) != LINK_OK) return false;
    if (!reply->ok)
        return link_fail(link, "%s of id %u failed: %.400s", link_type_name(sent->type), sent->id,
                         reply->error);
    return true;
}

bool check_outstanding(struct link* link, uint64_t address, uint32_t count) {
    struct peer_header* sent = calloc((size_t)count * 2, sizeof *sent);
    uint32_t first = 0, answered = 0, i;
    bool held = sent != NULL || link_fail(link, "no memory for %u transactions", count);

    for (i = 0; held && i < count * 2; i++) {
        uint8_t word[4];
        uint32_t id = link_issue(link, true);
        if (i == 0) first = id;
        sent[i] = (struct peer_header){id, address + (uint64_t)(i % count) * 4, 4,
                                       i < count ? PEER_WRITE : PEER_READ};
        peer_put_u32(word, word_of(id));
        held = id != 0 && link_send(link, &sent[i], word, peer_now_ms() + link->timeout_ms);
        if (!held)
            link_fail(link, "no more than %u of %u requests left before any response was taken", i,
                      count * 2);
    }
    while (held && answered < count * 2) {
        struct link_reply reply;
        /* The time runs from one response to the next: a slow server is not a wrong one. */
        enum link_result result = link_collect(link, peer_now_ms() + link->timeout_ms, &reply);
        if (result == LINK_NONE) {
            link_fail(
                link,
                "%u of %u responses came, and then none for %u ms (unseen by an old client: %u)",
                answered, count * 2, link->timeout_ms, link->hidden);
        }
        held = result == LINK_OK;
        if (!held) break;
        i = reply.header.id -
            first; /* link_collect lets none pass that was not sent, and none twice */
        held = outstanding_reply(link, &sent[i], &reply);
        if (held && i >= count) {
            uint8_t word[4];
            peer_put_u32(word, word_of(sent[i - count].id));
            held = link_compare(link, "Read among many", sent[i].address, reply.data, word, 4);
        }
        link_reply_close(&reply);
        answered++;
    }
    free(sent);
    return held && link_quiet(link, 100);
}

struct tally {
    uint64_t done, lost, wrong;
};

/* A transaction of the load; true when it was answered with success. */
static bool load_one(struct link* link, struct tally* tally, uint32_t type, uint64_t address,
                     const uint8_t* data, uint32_t size, uint64_t end_ms,
                     struct link_reply* reply) {
    /* With the server gone, a long timeout must not carry the load past its end; what was due by
     * then is lost. */
    uint64_t now = peer_now_ms(), left = end_ms > now ? end_ms - now : 0;
    uint32_t timeout = left + 500 < link->timeout_ms ? (uint32_t)left + 500 : link->timeout_ms;
    enum link_result result = link_transact(link, type, address, data, size, timeout, reply);
    if (result == LINK_NONE) {
        tally->lost++;
        return false;
    }
    if (result == LINK_OK && reply->ok) {
        tally->done++;
        return true;
    }
    if (result == LINK_OK) {
        link_fail(link, "%s of %u bytes at 0x%" PRIx64 " failed: %.400s", link_type_name(type),
                  size, address, reply->error);
        link_reply_close(reply);
    }
    tally->wrong++;
    return false;
}

bool check_load(struct link* link, uint64_t address, uint32_t seconds) {
    uint8_t pattern[1024];
    struct tally tally = {0, 0, 0};
    uint64_t end = peer_now_ms() + (uint64_t)seconds * 1000, round = 0;

    while (peer_now_ms() < end) {
        struct link_reply reply;
        uint64_t drops = link_drops(link);
        uint32_t size = 4 * (uint32_t)(1 + round * 7 % 256);
        uint64_t wrong_before = tally.wrong;
        /* After each loss another place: a write given up may still arrive, and would be taken for
         * a wrong value. */
        uint64_t place = address + (tally.lost + tally.wrong) % 64 * sizeof pattern;

        peer_pattern(pattern, size, ++round);
        bool held = load_one(link, &tally, PEER_WRITE, place, pattern, size, end, &reply);
        if (held) {
            link_reply_close(&reply);
            held = load_one(link, &tally, PEER_READ, place, NULL, size, end, &reply);
        }
        if (held) {
            if (!link_compare(link, "Read under load", place, reply.data, pattern, size)) {
                /* A server that was started anew between the two has fresh memory. That alone
                 * excuses it. */
                tally.done--;
                if (link_drops(link) != drops)
                    tally.lost++;
                else
                    tally.wrong++;
            }
            link_reply_close(&reply);
        }
        if (tally.wrong > wrong_before && tally.wrong <= 10)
            fprintf(stderr, "peer_client: load: %s\n", link->why);
    }
    printf("done=%" PRIu64 " lost=%" PRIu64 " wrong=%" PRIu64 "\n", tally.done, tally.lost,
           tally.wrong);
    if (tally.wrong > 0) return link_fail(link, "%" PRIu64 " transactions went wrong", tally.wrong);
    return tally.done > 0 || link_fail(link, "not one transaction was answered");
}
