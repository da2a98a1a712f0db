/* A user's program in C: it runs with the library that was installed, and says so if that is
 * another. */
#include "rogue/rim.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
    const char* version = rim_version();
    if (argc != 2 || strcmp(version, argv[1]) != 0) {
        fprintf(stderr, "the library has version %s\n", version);
        return 1;
    }
    return 0;
}
