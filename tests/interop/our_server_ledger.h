/*
 * What a server of the interoperation tests was asked to carry out, for scripts that hold it
 * against what clients asked for: how many transactions of each client, whose turn it was, which
 * values were written. Not the carrying out itself.
 *
 * A client is known by its region, bits 32 to 39 of the address; the scripts give each its own.
 */
#ifndef RIM_INTEROP_OUR_SERVER_LEDGER_H
#define RIM_INTEROP_OUR_SERVER_LEDGER_H

#include "our.h"

#include <rogue/rim.h>

/* From now on, each Write or Post of 8 bytes adds a line of 16 hex digits to a file that other
 * servers may have begun. It is there even if the server is killed right afterwards. */
bool ledger_keep_values(const char* path);

/* From now on, each transaction adds its region to the file, in the order of arrival. The file is
 * whole after ledger_close. */
bool ledger_keep_turns(const char* path);

/* A transaction has arrived at the slave. Any thread. False when it could not be noted. */
bool ledger_note(const rim_transaction* transaction);

/* Prints region=N carried_out=N for each region that was touched, and closes the files. False when
 * something could not be written. */
bool ledger_close(void);

#endif
