/*
 * A program whose threads are interrupted by signals all the time, with a handler that restarts no
 * system call: every transaction comes out right, and every time limit holds.
 */
#define _GNU_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <sys/syscall.h>

static volatile sig_atomic_t signals;
static volatile sig_atomic_t over;

static void note(int number) {
    (void)number;
    signals++;
}

/* Interrupts every other thread of the process, those of the library too, each millisecond. */
static void* pester(void* unused) {
    const long self = syscall(SYS_gettid);
    sigset_t mine;
    (void)unused;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mine, NULL);
    while (!over) {
        DIR* tasks = opendir("/proc/self/task");
        struct dirent* task;
        CHECK(tasks != NULL);
        while ((task = readdir(tasks)) != NULL) {
            long id = atol(task->d_name);
            if (id > 0 && id != self) {
                syscall(SYS_tgkill, (long)getpid(), id, SIGUSR1);
            }
        }
        closedir(tasks);
        sleep_ms(1);
    }
    return NULL;
}

static rim_tcp_server* server;
static rim_tcp_client* client;
static uint16_t port;

static counter completed = COUNTER_INIT;

static void complete(void* user, rim_status status, const char* error) {
    (void)user;
    (void)error;
    CHECK(status == RIM_STATUS_OK);
    counter_add(&completed);
}

static void transactions_come_out_right(void) {
    enum { LARGE = 8 << 20, ASKED = 50 };
    uint8_t* out = malloc(LARGE);
    uint8_t* in = calloc(1, LARGE);
    uint8_t words[ASKED][4];
    uint32_t n;
    CHECK(out != NULL && in != NULL);
    for (n = 0; n < 300; n++) {
        exchange(client, n);
        CHECK_OK(rim_tcp_client_post(client, 0x50, &n, 4, PATIENCE));
        CHECK_OK(rim_tcp_client_verify(client, 0x50, words[0], 4, PATIENCE));
        CHECK(memcmp(words[0], &n, 4) == 0);
    }
    for (n = 0; n < LARGE; n++) {
        out[n] = (uint8_t)(n * 7 + n / 256);
    }
    /* More than the sockets take: both ends wait for the other again and again. */
    CHECK_OK(rim_tcp_client_write(client, 0x1000, out, LARGE, PATIENCE));
    CHECK_OK(rim_tcp_client_read(client, 0x1000, in, LARGE, PATIENCE));
    CHECK(memcmp(in, out, LARGE) == 0);
    for (n = 0; n < ASKED; n++) {
        CHECK_OK(rim_tcp_client_request(client, 4 * n, words[n], 4, RIM_READ, PATIENCE, complete,
                                        NULL, NULL));
    }
    counter_wait(&completed, ASKED);
    free(out);
    free(in);
}

static void a_master_waits(void) {
    rim_master* master;
    rim_slave* slave;
    uint32_t word = 7, back = 0, id;
    int n;
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_timeout_us(master, PATIENCE));
    CHECK_OK(rim_tcp_client_as_slave(client, &slave));
    CHECK_OK(rim_master_set_slave(master, slave));
    for (n = 0; n < 100; n++) {
        CHECK_OK(rim_master_request(master, 0x80, &word, 4, RIM_WRITE, &id));
        CHECK_OK(rim_master_request(master, 0x80, &back, 4, RIM_READ, &id));
        CHECK_OK(rim_master_wait(master, 0));
        CHECK(back == word);
        word++;
    }
    rim_slave_free(slave);
    rim_master_free(master);
}

/* Far more than any limit here, and far less than a test may take. */
static const double FAR = 10;

static void limits_hold(void) {
    rim_tcp_server* polled;
    rim_tcp_client* waiting;
    rim_master* master;
    rim_slave* slave;
    rim_transaction* transaction;
    rim_status status;
    uint32_t word, id;
    double begun = seconds(CLOCK_MONOTONIC);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &polled));
    CHECK_OK(rim_tcp_server_port(polled, &port));
    waiting = client_of(port);
    CHECK_STATUS(rim_tcp_server_next(polled, 200000, &transaction), RIM_STATUS_TIMEOUT);
    /* The server's work is done in these calls: by now they are connected, or will be. */
    for (id = 0; id < 100; id++) {
        status = rim_tcp_client_wait_link(waiting, RIM_LINK_CONNECTED, 1000);
        if (status == RIM_STATUS_OK) {
            break;
        }
        CHECK(status == RIM_STATUS_TIMEOUT);
        CHECK_STATUS(rim_tcp_server_next(polled, 20000, &transaction), RIM_STATUS_TIMEOUT);
    }
    /* Nobody answers. */
    CHECK_STATUS(rim_tcp_client_read(waiting, 0, &word, 4, 50000), RIM_STATUS_TIMEOUT);
    CHECK_STATUS(rim_tcp_client_read(waiting, 0, &word, 4, 400000), RIM_STATUS_TIMEOUT);
    CHECK_STATUS(rim_tcp_client_wait_link(waiting, RIM_LINK_LOST, 200000), RIM_STATUS_TIMEOUT);
    CHECK_STATUS(rim_tcp_client_wait_ready(waiting, 200000, 50000), RIM_STATUS_TIMEOUT);
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_timeout_us(master, 300000));
    CHECK_OK(rim_tcp_client_as_slave(waiting, &slave));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_master_request(master, 0, &word, 4, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_TIMEOUT);
    rim_slave_free(slave);
    rim_master_free(master);
    rim_tcp_client_free(waiting);
    rim_tcp_server_free(polled);
    CHECK(seconds(CLOCK_MONOTONIC) - begun < FAR);
}

static void ends_come(void) {
    const double begun = seconds(CLOCK_MONOTONIC);
    int n;
    for (n = 0; n < 20; n++) {
        rim_tcp_client* one = client_of(port);
        exchange(one, (uint32_t)n);
        CHECK_OK(rim_tcp_client_stop(one));
        rim_tcp_client_free(one);
    }
    rim_tcp_client_free(client);
    CHECK_OK(rim_tcp_server_stop(server));
    rim_tcp_server_free(server);
    CHECK(seconds(CLOCK_MONOTONIC) - begun < FAR);
}

int main(void) {
    struct sigaction action;
    pthread_t pest;
    uint16_t memory;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    memset(&action, 0, sizeof action);
    action.sa_handler = note; /* no SA_RESTART */
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pthread_create(&pest, NULL, pester, NULL) == 0);
    memory = serve_memory(&server, NULL);
    client = client_of(memory);
    transactions_come_out_right();
    a_master_waits();
    limits_hold();
    port = memory;
    ends_come();
    over = 1;
    CHECK(pthread_join(pest, NULL) == 0);
    CHECK(signals > 1000);
    return 0;
}
