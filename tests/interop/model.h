/*
 * What a client of many believes its memory to hold, and what it asks for next. For our clients and
 * the peers alike: nothing here knows the bridge or libzmq.
 *
 * The choice and the values depend on the seed alone. A client that gets another's response, or one
 * of its own twice, reads bytes that it does not believe in.
 */
#ifndef RIM_INTEROP_MODEL_H
#define RIM_INTEROP_MODEL_H

#include <stdint.h>
#include <string.h>

#define MODEL_BYTES 4096u
#define MODEL_MOST 512u /* bytes of a transaction */
#define MODEL_BATCH 48u /* transactions under way at once */

/* The numbers of the wire. */
enum { MODEL_READ = 1, MODEL_WRITE = 2, MODEL_POST = 3, MODEL_VERIFY = 4 };

struct model {
    uint64_t random;
    uint8_t bytes[MODEL_BYTES];
};

struct model_step {
    uint32_t type, offset, size;
    uint8_t data[MODEL_MOST];     /* to be written; or where to read to, not what is expected */
    uint8_t expected[MODEL_MOST]; /* of a read */
};

static inline uint64_t model_random(struct model* model) {
    uint64_t mixed = model->random += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static inline uint32_t model_below(struct model* model, uint32_t bound) {
    return (uint32_t)(model_random(model) % bound);
}

/* Memory that nobody has written to. */
static inline void model_begin(struct model* model, uint64_t seed) {
    memset(model, 0, sizeof *model);
    model->random = seed;
}

/* The next transaction. A write counts as carried out: what follows on the same connection comes
 * after it. */
static inline void model_next(struct model* model, struct model_step* step) {
    static const uint32_t types[] = {MODEL_READ,  MODEL_READ,  MODEL_READ, MODEL_WRITE,
                                     MODEL_WRITE, MODEL_WRITE, MODEL_POST, MODEL_VERIFY};
    step->type = types[model_below(model, 8)];
    step->size = 1 + model_below(model, model_below(model, 16) == 0 ? MODEL_MOST : 32);
    step->offset = model_below(model, MODEL_BYTES - step->size + 1);
    if (step->type == MODEL_WRITE || step->type == MODEL_POST) {
        for (uint32_t i = 0; i < step->size; i++)
            step->data[i] = (uint8_t)model_random(model);
        memcpy(model->bytes + step->offset, step->data, step->size);
        return;
    }
    memcpy(step->expected, model->bytes + step->offset, step->size);
    for (uint32_t i = 0; i < step->size; i++)
        step->data[i] = (uint8_t)~step->expected[i];
}

#endif
