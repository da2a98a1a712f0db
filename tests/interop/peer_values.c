/* The check of peer_client that writes values which no other write has; the file says which of them
 * were carried out, for the script to look for in what the servers did. */
#define _POSIX_C_SOURCE 200809L

#include "peer_checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

bool check_values(struct link* link, uint64_t address, uint32_t tag, const char* path) {
    char stop[400];
    uint64_t done = 0, lost = 0;
    FILE* values = fopen(path, "w");
    if (values == NULL) return link_fail(link, "%.300s cannot be written to", path);
    setvbuf(values, NULL, _IOLBF, 0); /* the script looks how far it is */
    snprintf(stop, sizeof stop, "%.390s.stop", path);
    for (uint64_t number = (uint64_t)tag << 48 | 1; access(stop, F_OK) != 0; number++) {
        struct link_reply reply;
        uint8_t value[8];
        for (int i = 0; i < 8; i++)
            value[i] = (uint8_t)(number >> (56 - 8 * i));
        enum link_result result =
            link_transact(link, PEER_WRITE, address, value, 8, link->timeout_ms, &reply);
        if (result == LINK_WRONG) break;
        if (result == LINK_NONE) {
            lost++;
            continue;
        }
        bool ok = reply.ok || link_fail(link, "the write failed: %.400s", reply.error);
        link_reply_close(&reply);
        if (!ok) break;
        done++;
        fprintf(values, "%016" PRIx64 "\n", number);
    }
    printf("done=%" PRIu64 " lost=%" PRIu64 "\n", done, lost);
    if (fclose(values) != 0) return link_fail(link, "%.300s cannot be written to", path);
    return link->why[0] == '\0';
}
