/* What a client of the soak believes its registers to hold; see the header. */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NEAR 32u /* registers */

uint64_t soak_random(uint64_t* state) {
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

uint32_t soak_below(uint64_t* state, uint32_t bound) {
    return (uint32_t)(soak_random(state) % bound);
}

uint64_t soak_pattern(uint64_t word) {
    uint64_t state = word << 1 | 1;
    return soak_random(&state);
}

void soak_begin(struct soak_model* model, unsigned region, uint64_t seed, const char* who) {
    char server[24], lane[32];
    memset(model, 0, sizeof *model);
    model->random = seed;
    size_t length = strcspn(who, "/");
    snprintf(server, sizeof server, "%.*s", (int)length, who);
    snprintf(lane, sizeof lane, "%s-%u", who[length] == '/' ? who + length + 1 : who, region);
    model->history = history_open(server, lane);
    model->address = (uint64_t)region * SOAK_REGION_BYTES;
    /* A value that turns up in another's registers says whose it is. */
    model->written = (uint64_t)region << 48;
}

void soak_end(struct soak_model* model) { history_close(model->history); }

static bool writes(uint32_t type) { return type == SOAK_WRITE || type == SOAK_POST; }

static bool room(const struct soak_model* model, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++)
        if (model->registers[i].open_count + model->registers[i].reserved >= SOAK_OPEN_MOST)
            return false;
    return true;
}

static void read_at(struct soak_step* step, uint64_t address, unsigned first, unsigned count) {
    step->type = SOAK_READ;
    step->pattern = step->shared = false;
    step->first = first;
    step->count = count;
    step->address = address + 8 * first;
    step->size = 8 * count;
    step->words = step->own;
    memset(step->own, 0xEE, sizeof step->own);
}

void soak_read(const struct soak_model* model, struct soak_step* step, unsigned first,
               unsigned count) {
    read_at(step, model->address, first, count);
}

static void read_pattern(struct soak_model* model, struct soak_step* step, uint64_t* bulk) {
    const unsigned words = (SOAK_MEMORY_BYTES - SOAK_PATTERN_AT) / 8;
    step->type = SOAK_READ;
    step->pattern = true;
    step->shared = false;
    step->count = 1 + soak_below(&model->random, SOAK_BULK_MOST / 8);
    step->first = soak_below(&model->random, words - step->count + 1);
    step->address = SOAK_PATTERN_AT + 8 * (uint64_t)step->first;
    step->size = 8 * step->count;
    step->words = bulk;
    memset(bulk, 0xEE, step->size);
}

void soak_read_shared(struct soak_step* step, unsigned first, unsigned count) {
    read_at(step, SOAK_SHARED_REGION * SOAK_REGION_BYTES, first, count);
    step->shared = true;
}

void soak_next(struct soak_model* model, struct soak_step* step, uint64_t* bulk) {
    static const uint32_t types[] = {SOAK_READ,  SOAK_READ, SOAK_READ, SOAK_WRITE,
                                     SOAK_WRITE, SOAK_POST, SOAK_POST, SOAK_VERIFY};
    if (bulk != NULL && soak_below(&model->random, 64) == 0) {
        read_pattern(model, step, bulk);
        return;
    }
    uint32_t type = types[soak_below(&model->random, 8)];
    if (soak_below(&model->random, 3) == 0) {
        unsigned count = 1 + soak_below(&model->random, 4);
        soak_read_shared(step, soak_below(&model->random, SOAK_SHARED - count + 1), count);
        step->type = type;
        for (unsigned i = 0; writes(type) && i < count; i++)
            step->own[i] = ++model->written;
        return;
    }
    /* Most are of a few registers, and those of few, so that they meet; of others as time goes,
     * since some become full of writes that stay open. */
    bool near = soak_below(&model->random, 4) != 0;
    unsigned count = 1 + soak_below(&model->random, near ? 4 : SOAK_MOST);
    unsigned span = near ? NEAR : SOAK_REGISTERS;
    unsigned window = near ? NEAR * (unsigned)(model->written >> 12) % SOAK_REGISTERS : 0;
    unsigned first = window + soak_below(&model->random, span - count + 1);
    soak_read(model, step, first, count);
    if (writes(type) && !room(model, first, count)) return;
    step->type = type;
    if (!writes(type)) return;
    for (unsigned i = 0; i < count; i++) {
        step->own[i] = ++model->written;
        model->registers[first + i].reserved++;
    }
}

/* Forgets the open writes that cannot be carried out any more, up to the one at `end`. */
static void forget(struct soak_register* reg, uint64_t connection, unsigned end) {
    unsigned kept = 0;
    for (unsigned i = 0; i < reg->open_count; i++) {
        const struct soak_open* open = &reg->open[i];
        bool past = open->settled || (connection != 0 && open->connection == connection);
        if (i < end && past) continue;
        reg->open[kept++] = *open;
    }
    reg->open_count = kept;
}

static void learn_write(struct soak_register* reg, uint64_t value, uint32_t type,
                        enum soak_outcome outcome, uint64_t connection) {
    reg->reserved--;
    if (outcome == SOAK_NOT_DONE) return;
    if (type == SOAK_WRITE && outcome == SOAK_DONE) {
        forget(reg, connection, reg->open_count);
        reg->current = value;
        return;
    }
    struct soak_open* open = &reg->open[reg->open_count++]; /* there is room: it was reserved */
    *open = (struct soak_open){.value = value, .connection = connection};
    open->sent = outcome == SOAK_DONE;
}

/* False when it cannot be. */
static bool learn_read(struct soak_register* reg, uint64_t value, uint64_t connection) {
    /* What was sent before on this connection has been carried out. */
    for (unsigned i = reg->open_count; connection != 0 && i > 0; i--) {
        struct soak_open* open = &reg->open[i - 1];
        if (!open->sent || open->connection != connection) continue;
        reg->current = open->value;
        forget(reg, connection, i);
        break;
    }
    bool known = value == reg->current;
    for (unsigned i = 0; i < reg->open_count && !known; i++) {
        if (reg->open[i].value != value) continue;
        known = true;
        memmove(&reg->open[i], &reg->open[i + 1], (reg->open_count - i - 1) * sizeof reg->open[0]);
        reg->open_count--;
    }
    forget(reg, connection, reg->open_count);
    reg->current = value; /* also when it is wrong: once is enough */
    return known;
}

static void tell(struct soak_model* model, const struct soak_step* step, unsigned index,
                 const struct soak_register* before) {
    size_t used = (size_t)snprintf(
        model->why, sizeof model->why,
        "type %u at 0x%" PRIx64 ": read 0x%" PRIx64 ", expected 0x%" PRIx64, step->type,
        step->address + 8 * index, step->words[index], before->current);
    for (unsigned i = 0; i < before->open_count && used < sizeof model->why; i++)
        used += (size_t)snprintf(model->why + used, sizeof model->why - used, " or 0x%" PRIx64 "%s",
                                 before->open[i].value, before->open[i].settled ? "!" : "");
    model->wrong++;
}

static void record(struct soak_model* model, const struct soak_step* step,
                   enum soak_outcome outcome, uint64_t connection) {
    static const uint8_t outcomes[] = {HISTORY_DONE, HISTORY_REFUSED, HISTORY_UNKNOWN};
    struct history_word words[SOAK_MOST];
    uint32_t count = 0;
    struct history_step recorded = {.begun_ns = step->begun_ns,
                                    .ended_ns = step->ended_ns,
                                    .connection = connection,
                                    .kind = (uint8_t)step->type,
                                    .outcome = outcomes[outcome]};
    if (step->type == SOAK_POST && outcome == SOAK_DONE) recorded.outcome = HISTORY_SENT;
    for (unsigned i = 0; !step->pattern && i < step->count; i++)
        if (step->shared || (step->first + i) % SOAK_RECORDED_OF == 0)
            words[count++] = (struct history_word){step->address + 8 * i, step->words[i]};
    history_add(model->history, &recorded, words, count);
}

bool soak_learn(struct soak_model* model, const struct soak_step* step, enum soak_outcome outcome,
                uint64_t connection) {
    uint64_t wrong = model->wrong;
    record(model, step, outcome, connection);
    for (unsigned i = 0; i < step->count; i++) {
        if (step->pattern) {
            struct soak_register pattern = {.current = soak_pattern(step->first + i)};
            if (outcome == SOAK_DONE && step->words[i] != pattern.current)
                tell(model, step, i, &pattern);
            continue;
        }
        if (step->shared) continue;
        struct soak_register* reg = &model->registers[step->first + i];
        if (writes(step->type)) {
            learn_write(reg, step->words[i], step->type, outcome, connection);
        } else if (outcome == SOAK_DONE) {
            struct soak_register before = *reg;
            if (!learn_read(reg, step->words[i], connection)) tell(model, step, i, &before);
        }
    }
    return model->wrong == wrong;
}

void soak_learn_life(struct soak_model* model, uint64_t life) {
    for (unsigned i = 0; i < SOAK_REGISTERS; i++) {
        struct soak_register* reg = &model->registers[i];
        for (unsigned j = 0; j < reg->open_count; j++) {
            struct soak_open* open = &reg->open[j];
            if (open->life == 0)
                open->life = life;
            else if (life > open->life)
                open->settled = true;
        }
    }
}

uint64_t soak_open_count(const struct soak_model* model) {
    uint64_t count = 0;
    for (unsigned i = 0; i < SOAK_REGISTERS; i++)
        count += model->registers[i].open_count;
    return count;
}
