/*
 * The commands of our_client that have many transactions under way at once. Each gives false with
 * client->why told.
 */
#ifndef RIM_INTEROP_OUR_CLIENT_FLIGHTS_H
#define RIM_INTEROP_OUR_CLIENT_FLIGHTS_H

#include "our_transact.h"

/* `count` writes of 4 bytes and as many reads, all asked for before any is waited for. Prints
 * under-way=N, the most that were under way. */
bool flights_outstanding(struct client* client, uint64_t address, uint64_t count);

/* `count` reads, one behind the other, that are not waited for. Once in a process. */
bool flights_ask(struct client* client, uint64_t address, uint32_t size, uint64_t count);

/* Waits for them; each must have succeeded, once. */
bool flights_collect(struct client* client);

#endif
