/* A transaction in a slave's hands: locks, further handles, pieces, and passing on. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <stddef.h>

/* Everything that comes is kept here. */
static rim_transaction* kept[8];
static int kept_count;

static void keep(void* user, rim_transaction* transaction) {
    (void)user;
    CHECK(kept_count < 8);
    kept[kept_count++] = transaction;
}

static rim_master* master_of_keeper(void) {
    rim_master* master;
    rim_slave* slave;
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_timeout_us(master, RIM_FOREVER_US));
    CHECK_OK(rim_slave_new(1, 0, keep, NULL, NULL, &slave));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    kept_count = 0;
    return master;
}

static void what_it_says_of_itself(void) {
    uint8_t data[6];
    uint32_t id;
    rim_transaction_info info;
    struct {
        rim_transaction_info known;
        uint64_t unknown;
    } newer;
    struct {
        size_t struct_size;
        uint64_t address;
        unsigned char after;
    } older;
    bool expired;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_request(master, 0x123456789abcdef0, data, 6, 77, &id));
    info = info_of(kept[0]);
    CHECK(info.struct_size == sizeof info && info.address == 0x123456789abcdef0);
    CHECK(info.size == 6 && info.type == 77 && info.id == id);
    /* A program that is newer than the library, and one that knows less of it. */
    memset(&newer, 0x5a, sizeof newer);
    CHECK_OK(rim_transaction_get_info(kept[0], &newer.known, sizeof newer));
    CHECK(newer.known.struct_size == sizeof newer && newer.known.id == id && newer.unknown == 0);
    memset(&older, 0x5a, sizeof older);
    CHECK_OK(rim_transaction_get_info(kept[0], (rim_transaction_info*)(void*)&older,
                                      offsetof(rim_transaction_info, size)));
    CHECK(older.address == 0x123456789abcdef0 && older.after == 0x5a);
    CHECK_OK(rim_transaction_expired(kept[0], &expired));
    CHECK(!expired);
    CHECK_OK(rim_transaction_done(kept[0]));
    CHECK_OK(rim_transaction_expired(kept[0], &expired));
    CHECK(expired);
    rim_transaction_free(kept[0]);
    CHECK_OK(rim_master_wait(master, id));
    rim_master_free(master);
}

static void a_handle_holds_one_lock(void) {
    uint8_t data[4] = {1, 2, 3, 4}, copy[2];
    uint8_t* place;
    uint32_t id;
    size_t size;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_WRITE, &id));
    CHECK_OK(rim_transaction_lock(kept[0], &place, &size));
    CHECK(size == 4 && place == data);
    CHECK_STATUS(rim_transaction_lock(kept[0], &place, &size), RIM_STATUS_BUSY);
    /* Copying works under the handle's own lock, too. */
    CHECK_OK(rim_transaction_copy_out(kept[0], 2, copy, 2));
    CHECK(copy[0] == 3 && copy[1] == 4);
    CHECK_OK(rim_transaction_unlock(kept[0]));
    CHECK_OK(rim_transaction_unlock(kept[0]));
    CHECK_OK(rim_transaction_lock(kept[0], &place, &size));
    CHECK_STATUS(rim_transaction_copy_out(kept[0], 3, copy, 2), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_transaction_copy_in(kept[0], 0xffffffff, copy, SIZE_MAX), RIM_STATUS_SIZE);
    CHECK_OK(rim_transaction_copy_in(kept[0], 4, NULL, 0));
    /* An offset whose lower half would do. */
    CHECK_STATUS(rim_transaction_copy_in(kept[0], SIZE_MAX - UINT32_MAX, copy, 2),
                 SIZE_MAX > UINT32_MAX ? RIM_STATUS_SIZE : RIM_STATUS_OK);
    /* Completing gives the lock back: the master's wait returns. */
    CHECK_OK(rim_transaction_done(kept[0]));
    CHECK_OK(rim_master_wait(master, id));
    rim_transaction_free(kept[0]);
    rim_master_free(master);
}

static void* second_lock(void* argument) {
    rim_transaction* transaction = argument;
    uint8_t* place;
    size_t size;
    CHECK_OK(rim_transaction_lock(transaction, &place, &size));
    place[0] += 1;
    CHECK_OK(rim_transaction_unlock(transaction));
    return NULL;
}

static void locks_of_two_handles_exclude_each_other(void) {
    uint8_t data[4] = {0};
    uint8_t* place;
    uint32_t id;
    size_t size;
    pthread_t thread;
    rim_transaction* further;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_OK(rim_transaction_retain(kept[0], &further));
    CHECK_OK(rim_transaction_lock(kept[0], &place, &size));
    CHECK(pthread_create(&thread, NULL, second_lock, further) == 0);
    sleep_ms(20);
    CHECK(place[0] == 0);
    place[0] = 41;
    CHECK_OK(rim_transaction_unlock(kept[0]));
    CHECK(pthread_join(thread, NULL) == 0);
    /* The first handle may go: the transaction lives on in the further one. */
    rim_transaction_free(kept[0]);
    CHECK_OK(rim_transaction_done(further));
    CHECK_STATUS(rim_transaction_done(further), RIM_STATUS_EXPIRED);
    CHECK_OK(rim_master_wait(master, id));
    CHECK(data[0] == 42);
    rim_transaction_free(further);
    rim_master_free(master);
}

static void freeing_gives_the_lock_back(void) {
    uint8_t data[4];
    uint8_t* place;
    uint32_t id;
    size_t size;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_OK(rim_transaction_lock(kept[0], &place, &size));
    rim_transaction_free(kept[0]);
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    rim_master_free(master);
}

static void it_completes_when_all_pieces_have(void) {
    uint8_t data[8] = {0};
    uint32_t id;
    rim_transaction_info info;
    bool done;
    rim_transaction *first, *second, *none = NULL;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_request(master, 0x100, data, 8, RIM_READ, &id));
    CHECK_OK(rim_transaction_piece(kept[0], 0x200, 0, 5, &first));
    CHECK_OK(rim_transaction_piece(kept[0], 0x300, 5, 3, &second));
    CHECK_STATUS(rim_transaction_piece(kept[0], 0, 5, 4, &none), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_transaction_piece(kept[0], 0, 0, 0, &none), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_transaction_piece(kept[0], 0, 1, SIZE_MAX, &none), RIM_STATUS_SIZE);
    CHECK_OK(rim_transaction_seal(kept[0]));
    CHECK_STATUS(rim_transaction_seal(kept[0]), RIM_STATUS_BUSY);
    CHECK_STATUS(rim_transaction_piece(kept[0], 0, 0, 4, &none), RIM_STATUS_BUSY);
    CHECK(none == NULL);
    rim_transaction_free(kept[0]);

    info = info_of(second);
    CHECK(info.size == 3 && info.address == 0x300 && info.type == RIM_READ && info.id != id);
    CHECK_OK(rim_transaction_copy_in(second, 0, "xyz", 3));
    CHECK_OK(rim_transaction_done(second));
    CHECK_OK(rim_master_is_done(master, id, &done));
    CHECK(!done);
    CHECK_OK(rim_transaction_copy_in(first, 0, "abcde", 5));
    CHECK_OK(rim_transaction_done(first));
    CHECK_OK(rim_master_wait(master, id));
    CHECK(memcmp(data, "abcdexyz", 8) == 0);
    rim_transaction_free(first);
    rim_transaction_free(second);
    rim_master_free(master);
}

static void it_fails_when_a_piece_has(void) {
    uint8_t data[8];
    uint32_t id;
    rim_transaction *first, *second;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_request(master, 0, data, 8, RIM_READ, &id));
    CHECK_OK(rim_transaction_piece(kept[0], 0, 0, 4, &first));
    CHECK_OK(rim_transaction_piece(kept[0], 4, 4, 4, &second));
    CHECK_OK(rim_transaction_fail(first, "burnt"));
    rim_transaction_free(first);
    CHECK_OK(rim_transaction_seal(kept[0]));
    rim_transaction_free(kept[0]);
    CHECK_OK(rim_transaction_done(second));
    rim_transaction_free(second);
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    CHECK_SAYS("burnt");
    rim_master_free(master);
}

/* A hub of the program's own: each transaction goes to the slave behind it, in two halves. */
static void halve(void* user, rim_transaction* transaction) {
    rim_slave* behind = user;
    const rim_transaction_info info = info_of(transaction);
    const size_t half = info.size / 2;
    int n;
    for (n = 0; n < 2; n++) {
        rim_transaction* piece;
        const size_t offset = n == 0 ? 0 : half;
        CHECK_OK(rim_transaction_piece(transaction, info.address + offset, offset, half, &piece));
        CHECK_OK(rim_slave_do_transaction(behind, piece));
        rim_transaction_free(piece);
    }
    CHECK_OK(rim_transaction_seal(transaction));
    rim_transaction_free(transaction);
}

static void pass_on(void* user, rim_transaction* transaction) {
    uint8_t* place;
    size_t size;
    /* A lock that is still held does not keep the next slave out. */
    CHECK_OK(rim_transaction_lock(transaction, &place, &size));
    CHECK_OK(rim_slave_do_transaction(user, transaction));
    CHECK_STATUS(rim_slave_do_transaction(user, transaction), RIM_STATUS_BUSY);
    rim_transaction_free(transaction);
}

static void slaves_pass_on(void) {
    uint8_t out[16] = "0123456789abcde", in[16] = {0};
    uint32_t id;
    rim_emulate* emulate;
    rim_slave *memory, *halves, *first;
    rim_master* master;
    CHECK_OK(rim_emulate_new(4, 8, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &memory));
    CHECK_OK(rim_slave_new(8, 16, halve, memory, NULL, &halves));
    CHECK_OK(rim_slave_new(8, 16, pass_on, halves, NULL, &first));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, first));
    CHECK_OK(rim_master_request(master, 0, out, 16, RIM_WRITE, &id));
    CHECK_OK(rim_master_wait(master, id));
    CHECK_OK(rim_master_request(master, 0, in, 16, RIM_READ, &id));
    CHECK_OK(rim_master_wait(master, id));
    CHECK(memcmp(in, out, 16) == 0);
    rim_master_free(master);
    rim_slave_free(first);
    rim_slave_free(halves);
    rim_slave_free(memory);
    rim_emulate_free(emulate);
}

/* Refreshes kept[0] again and again, for longer than its timeout, and completes it then. */
static void* refresh_and_complete(void* argument) {
    int n;
    (void)argument;
    for (n = 0; n < 16; n++) {
        sleep_ms(50);
        CHECK_OK(rim_transaction_refresh(kept[0], NULL));
    }
    CHECK_OK(rim_transaction_done(kept[0]));
    return NULL;
}

/* Refreshes kept[0] with a reference that is younger, which has no effect: it expires soon. */
static void* refresh_in_vain(void* argument) {
    int n;
    bool expired = false;
    (void)argument;
    for (n = 0; n < 100 && !expired; n++) {
        sleep_ms(20);
        CHECK_OK(rim_transaction_refresh(kept[0], kept[1]));
        CHECK_OK(rim_transaction_expired(kept[0], &expired));
    }
    CHECK(expired);
    return NULL;
}

static void the_time_can_be_refreshed(void) {
    uint8_t data[4];
    uint32_t id, younger;
    pthread_t thread;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_set_timeout_us(master, 500000));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK(pthread_create(&thread, NULL, refresh_and_complete, NULL) == 0);
    CHECK_OK(rim_master_wait(master, id));
    CHECK(pthread_join(thread, NULL) == 0);
    rim_transaction_free(kept[0]);

    kept_count = 0;
    CHECK_OK(rim_master_set_timeout_us(master, 100000));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &younger));
    CHECK(pthread_create(&thread, NULL, refresh_in_vain, NULL) == 0);
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_TIMEOUT);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_OK(rim_transaction_done(kept[1]));
    CHECK_OK(rim_master_wait(master, younger));
    rim_transaction_free(kept[0]);
    rim_transaction_free(kept[1]);
    rim_master_free(master);
}

/* A slave that is slow but alive: its answers renew the time of what came later. */
static void* answer_slowly(void* argument) {
    int n;
    (void)argument;
    for (n = 0; n < 6; n++) {
        sleep_ms(150);
        CHECK_OK(rim_transaction_done(kept[n]));
        rim_transaction_free(kept[n]);
    }
    return NULL;
}

static void answers_renew_the_time_of_later_ones(void) {
    uint8_t data[6][4];
    uint32_t ids[6];
    int n;
    pthread_t thread;
    rim_master* master = master_of_keeper();
    CHECK_OK(rim_master_set_timeout_us(master, 600000));
    for (n = 0; n < 6; n++) {
        CHECK_OK(rim_master_request(master, 0, data[n], 4, RIM_READ, &ids[n]));
    }
    CHECK(pthread_create(&thread, NULL, answer_slowly, NULL) == 0);
    CHECK_OK(rim_master_wait(master, ids[5]));
    CHECK_OK(rim_master_wait(master, 0));
    CHECK(pthread_join(thread, NULL) == 0);
    rim_master_free(master);
}

int main(void) {
    check_begin();
    what_it_says_of_itself();
    a_handle_holds_one_lock();
    locks_of_two_handles_exclude_each_other();
    freeing_gives_the_lock_back();
    it_completes_when_all_pieces_have();
    it_fails_when_a_piece_has();
    slaves_pass_on();
    the_time_can_be_refreshed();
    answers_renew_the_time_of_later_ones();
    return 0;
}
