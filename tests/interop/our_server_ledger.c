/* What a server of the interoperation tests was asked to carry out; see the header. */
#define _POSIX_C_SOURCE 200809L

#include "our_server_ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define REGIONS 256

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t carried_out[REGIONS];
static int values = -1;
static FILE* turns;

bool ledger_keep_values(const char* path) {
    values = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    return values >= 0;
}

bool ledger_keep_turns(const char* path) {
    turns = fopen(path, "w");
    return turns != NULL;
}

/* In one call of the system, so that a server that is killed leaves no half line. */
static bool note_value(const rim_transaction* transaction) {
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[8];
    char line[17];
    if (rim_transaction_copy_out(transaction, 0, bytes, sizeof bytes) != RIM_STATUS_OK)
        return false;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        line[2 * i] = digits[bytes[i] >> 4];
        line[2 * i + 1] = digits[bytes[i] & 15];
    }
    line[16] = '\n';
    return write(values, line, sizeof line) == (ssize_t)sizeof line;
}

bool ledger_note(const rim_transaction* transaction) {
    rim_transaction_info info;
    if (rim_transaction_get_info(transaction, &info, sizeof info) != RIM_STATUS_OK) return false;
    unsigned region = info.address >> 32 & (REGIONS - 1);
    bool valued =
        values >= 0 && info.size == 8 && (info.type == RIM_WRITE || info.type == RIM_POST);
    pthread_mutex_lock(&mutex);
    carried_out[region]++;
    bool noted = (turns == NULL || fprintf(turns, "%u\n", region) > 0) &&
                 (!valued || note_value(transaction));
    pthread_mutex_unlock(&mutex);
    return noted;
}

bool ledger_close(void) {
    bool whole = true;
    for (unsigned i = 0; i < REGIONS; i++)
        if (carried_out[i] > 0)
            whole = printf("region=%u carried_out=%" PRIu64 "\n", i, carried_out[i]) > 0 && whole;
    if (turns != NULL) whole = fclose(turns) == 0 && whole;
    if (values >= 0) whole = close(values) == 0 && whole;
    turns = NULL;
    values = -1;
    return whole;
}
