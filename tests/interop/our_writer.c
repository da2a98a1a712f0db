/*
 * A client of ours that writes values which no other write has, through losses of its server, until
 * told to end: for tests that look for them in what the servers carried out. It holds each outcome
 * against what is promised: success; or, for what was under way when the server went, an error that
 * names the address and the loss, after which the next one succeeds; and an end within the
 * deadline.
 *
 * Prints done=N lost=N longest-ms=N. The values of the Writes that succeeded are lines of FILE, 16
 * hex digits each; it ends when FILE.stop exists. Ends with 0; 1 and a line that names what
 * differed; 2: wrong command line.
 */
#define _POSIX_C_SOURCE 200809L

#include "our.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <rogue/rim.h>

#define DEPTH_MOST 1000u
/* A thread may have to wait for a processor; a deadline that is forgotten is missed by more. */
#define LATE_MS 4000u

static struct {
    const char *host, *path;
    uint64_t port, tag, depth, timeout_ms;
    char place[300]; /* as errors name it */
    rim_tcp_client* tcp;
    rim_master* master;
    FILE* done_values;
    uint64_t number, done, lost, longest_ms;
    bool after_loss;
} self;

static void fail(const char* what, rim_status status, const char* text) {
    fprintf(stderr, "our_writer: value %" PRIu64 ": %s: %s: %s\n", self.number, what,
            rim_status_name(status), text);
    exit(1);
}

static void next_value(uint8_t* value) {
    uint64_t number = self.tag << 48 | ++self.number;
    for (int i = 0; i < 8; i++)
        value[i] = (uint8_t)(number >> (56 - 8 * i));
}

static void took(uint64_t begun_ms) {
    uint64_t elapsed = our_now_ms() - begun_ms;
    if (elapsed > self.longest_ms) self.longest_ms = elapsed;
    if (elapsed > self.timeout_ms + LATE_MS)
        fail("it came back long after its deadline", RIM_STATUS_OK, "");
}

/* True when it succeeded. What failed may only have been lost with the connection. */
static bool outcome(rim_status status, const uint8_t* written) {
    if (status == RIM_STATUS_OK) {
        self.done++;
        for (int i = 0; written != NULL && i < 8; i++)
            fprintf(self.done_values, "%02x%s", written[i], i == 7 ? "\n" : "");
        return true;
    }
    self.lost++;
    const char* text = rim_last_error();
    if (status != RIM_STATUS_CONNECTION_LOST) fail("no loss, but", status, text);
    if (strstr(text, self.place) == NULL || strstr(text, "connection lost") == NULL)
        fail("the error names no address or no cause", status, text);
    return false;
}

/* The loss is known since the last round: what was given since waits for the link, and succeeds. */
static void round_is_over(bool all_well) {
    if (!all_well && self.after_loss)
        fail("the first transaction after a loss was lost too", RIM_STATUS_CONNECTION_LOST,
             rim_last_error());
    self.after_loss = !all_well;
}

static void one_at_a_time(void) {
    uint8_t value[8];
    uint64_t begun = our_now_ms(), timeout_us = self.timeout_ms * 1000;
    uint32_t id = 0;
    rim_status status;
    next_value(value);
    bool post = self.number % 8 == 0;
    if (post) {
        status = rim_tcp_client_post(self.tcp, 8, value, 8, timeout_us);
    } else if (self.number % 2 == 0) {
        status = rim_tcp_client_write(self.tcp, 0, value, 8, timeout_us);
    } else {
        status = rim_master_request(self.master, 0, value, 8, RIM_WRITE, &id);
        if (status == RIM_STATUS_OK) status = rim_master_wait(self.master, id);
    }
    took(begun);
    round_is_over(outcome(status, post ? NULL : value));
}

static void many_at_once(void) {
    static uint8_t values[DEPTH_MOST][8];
    static uint32_t ids[DEPTH_MOST];
    uint64_t begun = our_now_ms();
    bool all_well = true;
    for (uint64_t i = 0; i < self.depth; i++) {
        next_value(values[i]);
        rim_status status =
            rim_master_request(self.master, 8 * i, values[i], 8, RIM_WRITE, &ids[i]);
        if (status != RIM_STATUS_OK) fail("it was not taken", status, rim_last_error());
    }
    for (uint64_t i = 0; i < self.depth; i++) {
        if (!outcome(rim_master_wait(self.master, ids[i]), values[i])) all_well = false;
        took(begun);
    }
    round_is_over(all_well);
}

static void demand(rim_status status) {
    if (status != RIM_STATUS_OK) fail("no client", status, rim_last_error());
}

int main(int argc, char** argv) {
    char stop[400];
    rim_slave* slave = NULL;
    if (argc != 7 || !our_parse(argv[2], UINT16_MAX, &self.port) ||
        !our_parse(argv[3], UINT16_MAX, &self.tag) ||
        !our_parse(argv[4], DEPTH_MOST, &self.depth) || self.depth == 0 ||
        !our_parse(argv[5], 3600000, &self.timeout_ms) || strlen(argv[6]) > 300) {
        fprintf(stderr, "usage: our_writer ADDR PORT TAG DEPTH TIMEOUT_MS FILE\n");
        return 2;
    }
    self.host = argv[1];
    self.path = argv[6];
    snprintf(stop, sizeof stop, "%s.stop", self.path);
    snprintf(self.place, sizeof self.place, "%.250s:%" PRIu64, self.host, self.port);
    self.done_values = fopen(self.path, "w");
    if (self.done_values == NULL) fail(self.path, RIM_STATUS_SYSTEM, strerror(errno));
    setvbuf(self.done_values, NULL, _IOLBF, 0); /* the script looks how far it is */
    demand(rim_tcp_client_new(self.host, (uint16_t)self.port, NULL, &self.tcp));
    demand(rim_tcp_client_as_slave(self.tcp, &slave));
    demand(rim_master_new(&self.master));
    demand(rim_master_set_slave(self.master, slave));
    demand(rim_master_set_timeout_us(self.master, self.timeout_ms * 1000));
    rim_slave_free(slave);
    while (access(stop, F_OK) != 0) {
        if (self.depth == 1)
            one_at_a_time();
        else
            many_at_once();
    }
    printf("done=%" PRIu64 " lost=%" PRIu64 " longest-ms=%" PRIu64 "\n", self.done, self.lost,
           self.longest_ms);
    rim_master_free(self.master);
    rim_tcp_client_free(self.tcp);
    return fclose(self.done_values) == 0 ? 0 : 1;
}
