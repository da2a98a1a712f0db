/*
 * The settings of peer_client: each takes its value from the command line, and gives false with
 * link->why told and link->usage set when it is none. What they mean is in peer_link.h and in the
 * usage text.
 */
#ifndef RIM_INTEROP_PEER_SETTINGS_H
#define RIM_INTEROP_PEER_SETTINGS_H

#include "peer_link.h"

/* A number of the command line. */
bool setting_number(struct link* link, const char* text, uint64_t least, uint64_t most,
                    uint64_t* value);

bool set_timeout(struct link* link, char** arg);
bool set_dialect(struct link* link, char** arg);
bool set_post_answered(struct link* link, char** arg);
bool set_write_data(struct link* link, char** arg);
bool set_error_data(struct link* link, char** arg);
bool set_bad_answer(struct link* link, char** arg);
bool set_align(struct link* link, char** arg);
bool set_at(struct link* link, char** arg);
bool set_old_client(struct link* link, char** arg);
bool set_eager(struct link* link, char** arg);

#endif
