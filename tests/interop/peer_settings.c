/* The settings of peer_client; see the header. */
#include "peer_settings.h"

#include <string.h>

bool setting_number(struct link* link, const char* text, uint64_t least, uint64_t most,
                    uint64_t* value) {
    if (peer_parse(text, most, value) && *value >= least) return true;
    link->usage = true;
    return link_fail(link, "%.100s is no number from %llu to %llu", text, (unsigned long long)least,
                     (unsigned long long)most);
}

/* The place of `text` in a list that ends with NULL. */
static bool choice(struct link* link, const char* text, const char* const* names, int* value) {
    for (*value = 0; names[*value] != NULL; ++*value)
        if (strcmp(text, names[*value]) == 0) return true;
    link->usage = true;
    return link_fail(link, "%.100s is none of the values of this option", text);
}

bool set_timeout(struct link* link, char** arg) {
    uint64_t value;
    if (!setting_number(link, arg[0], 1, 3600000, &value)) return false;
    link->timeout_ms = (uint32_t)value;
    return true;
}

bool set_dialect(struct link* link, char** arg) {
    link->usage = !peer_parse_dialect(arg[0], &link->dialect);
    return !link->usage || link_fail(link, "%.100s is no dialect", arg[0]);
}

bool set_post_answered(struct link* link, char** arg) {
    static const char* const names[] = {"no", "yes", NULL};
    int value;
    if (!choice(link, arg[0], names, &value)) return false;
    link->post_answered = value == 1;
    return true;
}

bool set_write_data(struct link* link, char** arg) {
    static const char* const names[] = {"any", "empty", "echo", NULL};
    int value;
    if (!choice(link, arg[0], names, &value)) return false;
    link->write_data = (enum link_write_data)value;
    return true;
}

bool set_error_data(struct link* link, char** arg) {
    static const char* const names[] = {"size", "any", NULL};
    int value;
    if (!choice(link, arg[0], names, &value)) return false;
    link->error_data_any = value == 1;
    return true;
}

bool set_bad_answer(struct link* link, char** arg) {
    static const char* const names[] = {"any", "error", "silent", NULL};
    int value;
    if (!choice(link, arg[0], names, &value)) return false;
    link->bad_answer = (enum link_bad_answer)value;
    return true;
}

bool set_align(struct link* link, char** arg) {
    uint64_t value;
    if (!setting_number(link, arg[0], 1, 1u << 20, &value)) return false;
    link->align = (uint32_t)value;
    return true;
}

bool set_at(struct link* link, char** arg) {
    return setting_number(link, arg[0], 0, UINT64_MAX, &link->at);
}

bool set_old_client(struct link* link, char** arg) {
    (void)arg;
    link->old_client = true;
    return true;
}

bool set_eager(struct link* link, char** arg) {
    (void)arg;
    link->eager = true;
    return true;
}
