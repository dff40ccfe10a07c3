/* Variants of the example engine whose table breaks the contract; -DDEFECT=n picks one. */
#define scaletune_engine_v1 sound_engine
#include "example.c"
#undef scaletune_engine_v1

static scaletune_text describe_bad_utf8(void) { return TEXT("{\"name\": \"\xff\xfe\"}"); }
static scaletune_text describe_bad_json(void) { return TEXT("{\"name\": "); }
static scaletune_text describe_incomplete(void) { return TEXT("{\"name\": \"x\"}"); }

#if DEFECT != 8
SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void) {
    static scaletune_engine engine;
    engine = *sound_engine();
    switch (DEFECT) {
    case 1: engine.abi_major = 2; break;
    case 2: engine.size = 40; break;
    case 3: engine.run = NULL; break;
    case 4: return NULL;
    case 5: engine.describe = describe_bad_utf8; break;
    case 6: engine.describe = describe_bad_json; break;
    case 7: engine.describe = describe_incomplete; break;
    }
    return &engine;
}
#endif
