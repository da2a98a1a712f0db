/* A user's program with two static libraries made by Rust, ours and foreign.rs: both do their work.
 */
#include "rogue/rim.h"

#include <stdio.h>
#include <string.h>

size_t foreign_digits(uint32_t number);

int main(int argc, char** argv) {
    rim_tcp_client* client = NULL;

    if (argc != 2 || strcmp(rim_version(), argv[1]) != 0) {
        fprintf(stderr, "the library has version %s\n", rim_version());
        return 1;
    }
    if (foreign_digits(12345) != 5) {
        fprintf(stderr, "the other library does not count to five\n");
        return 1;
    }
    /* An address that is none: the error text is made by the core. */
    if (rim_tcp_client_new("no such address", 8000, NULL, &client) == RIM_STATUS_OK ||
        strlen(rim_last_error()) == 0) {
        fprintf(stderr, "an address that is none was taken\n");
        return 1;
    }
    return 0;
}
