/* The frozen engine of ABI 1.0 behind a table as a later minor version may have it: one function more at its end. */
#define scaletune_engine_v1 frozen_engine
#include "abi_1_0/engine.c"
#undef scaletune_engine_v1

typedef struct newer_engine {
    scaletune_engine known;
    int32_t (*appended)(void);
} newer_engine;

static int32_t appended(void) {
    /* A host of 1.0 does not know of it. */
    abort();
}

SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void);

SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void) {
    static newer_engine table;
    table.known = *frozen_engine();
    table.known.size = sizeof table;
    table.known.abi_minor = 1;
    table.appended = appended;
    return &table.known;
}
