/* An engine with a strategy that is fast and wrong: it counts the runs of like bytes of a file, piece by piece, and
 * `careless` counts a run that lies on a border of two pieces twice. It passes over each piece once where the others pass
 * over it REPEAT times, so that it is the fastest, and it is right with one worker, and wherever no border cuts a run.
 * With -DALIKE all strategies are right and do the same work. */
#define scaletune_engine_v1 example
#include "example.c"
#undef scaletune_engine_v1
#include <pthread.h>

enum { REPEAT = 6, MOST_PIECES = 64 };

static const char CARELESS[] =
    "{\"name\": \"careless\", \"version\": \"1.0.0\", \"summary\": \"Counts runs of like bytes\","
    " \"inputs\": [{\"name\": \"file\", \"kind\": \"path\", \"required\": true, \"help\": \"The bytes\"}],"
    " \"axes\": ["
    "  {\"name\": \"way\", \"kind\": \"choice\", \"default\": \"pieces\", \"help\": \"How the file is cut\","
    "   \"values\": [{\"name\": \"whole\", \"help\": \"not at all\"}, {\"name\": \"pieces\", \"help\": \"a piece each\"},"
    "              {\"name\": \"careless\", \"help\": \"a piece each, borders not looked at\"}]},"
    "  {\"name\": \"workers\", \"kind\": \"integer\", \"role\": \"compute\", \"min\": 1, \"max\": 64, \"default\": \"max\","
    "   \"help\": \"Threads\"}],"
    " \"constraints\": [\"workers <= threads\", \"way == whole -> workers == 1\"], \"helpers\": [\"1\"],"
    " \"reference\": {\"way\": \"whole\", \"workers\": 1},"
    " \"outputs\": [{\"name\": \"runs\", \"file\": \"runs.tsv\", \"format\": \"tsv\", \"help\": \"Their number\"}],"
    " \"simulate\": {\"presets\": [\"small\"], \"sizes\": ["
    "  {\"name\": \"bytes\", \"kind\": \"integer\", \"min\": 1, \"max\": 100000000, \"help\": \"Size\"}]}}";

typedef struct {
    const unsigned char *bytes;
    size_t length;
    int way, workers;
    unsigned long long runs;
    const scaletune_host *host;
    char class_json[64];
} careless;

typedef struct {
    const careless *all;
    size_t from, to;
    unsigned long long runs;
    pthread_t thread;
} piece;

static scaletune_text careless_describe(void) { return TEXT(CARELESS); }

static scaletune_status careless_open(const scaletune_host *host, scaletune_text inputs, scaletune_session **out) {
    char path[4096];
    if (!string_member(inputs, "file", path, sizeof path))
        return fail(host, SCALETUNE_BAD_INPUT, "input `file` is missing");
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return fail(host, SCALETUNE_BAD_INPUT, "input `file` can't be opened");
    careless *own = calloc(1, sizeof *own);
    own->length = (size_t)ftell(file);
    own->host = host;
    unsigned char *bytes = malloc(own->length + 1);
    rewind(file);
    own->length = fread(bytes, 1, own->length, file);
    own->bytes = bytes;
    fclose(file);
    *out = (scaletune_session *)own;
    return SCALETUNE_OK;
}

static scaletune_status careless_prepare(scaletune_session *session, scaletune_text plan) {
    careless *own = (careless *)session;
    char way[16];
    if (!string_member(plan, "way", way, sizeof way))
        return fail(own->host, SCALETUNE_UNSUPPORTED_PLAN, "the plan has no axis `way`");
    own->way = strcmp(way, "whole") == 0 ? 0 : strcmp(way, "pieces") == 0 ? 1 : 2;
    own->workers = own->way == 0 ? 1 : (int)number_member(plan, "workers", 1);
    return SCALETUNE_OK;
}

static void *count(void *argument) {
    piece *own = argument;
    const unsigned char *bytes = own->all->bytes;
    int is_careless = own->all->way == 2, repeat = REPEAT;
#ifdef ALIKE
    is_careless = 0;
#else
    repeat = is_careless ? 1 : REPEAT;
#endif
    for (int again = 0; again < repeat; again++) {
        int last = own->from > 0 && !is_careless ? bytes[own->from - 1] : -1;
        own->runs = 0;
        for (size_t at = own->from; at < own->to; at++) {
            own->runs += bytes[at] != last;
            last = bytes[at];
        }
    }
    return NULL;
}

static scaletune_status careless_run(scaletune_session *session) {
    careless *own = (careless *)session;
    piece pieces[MOST_PIECES];
    size_t workers = (size_t)own->workers;
    own->runs = 0;
    for (size_t index = 0; index < workers; index++) {
        pieces[index] = (piece){own, own->length * index / workers, own->length * (index + 1) / workers, 0, 0};
        if (workers == 1)
            count(&pieces[index]);
        else if (pthread_create(&pieces[index].thread, NULL, count, &pieces[index]) != 0)
            return fail(own->host, SCALETUNE_FAILED, "no thread");
    }
    for (size_t index = 0; index < workers; index++) {
        if (workers > 1)
            pthread_join(pieces[index].thread, NULL);
        own->runs += pieces[index].runs;
    }
    return SCALETUNE_OK;
}

static scaletune_status careless_write(scaletune_session *session, scaletune_text folder) {
    careless *own = (careless *)session;
    char path[4352];
    snprintf(path, sizeof path, "%.*s/runs.tsv", (int)folder.len, folder.ptr);
    FILE *file = fopen(path, "wb");
    if (!file || fprintf(file, "runs\n%llu\n", own->runs) < 0 || fclose(file) != 0)
        return fail(own->host, SCALETUNE_FAILED, "runs.tsv can't be written");
    return SCALETUNE_OK;
}

static scaletune_status careless_class(scaletune_session *session, scaletune_text *json) {
    careless *own = (careless *)session;
    int length = snprintf(own->class_json, sizeof own->class_json, "{\"bytes\": %zu}", own->length);
    *json = (scaletune_text){own->class_json, (size_t)length};
    return SCALETUNE_OK;
}

static scaletune_status careless_close(scaletune_session *session) {
    careless *own = (careless *)session;
    free((void *)own->bytes);
    free(own);
    return SCALETUNE_OK;
}

/* Runs of 1 to 8 bytes; with the first seed one begins in the middle, so that two workers are right by luck. */
static scaletune_status careless_simulate(const scaletune_host *host, scaletune_text request, scaletune_text folder) {
    size_t bytes = (size_t)number_member(request, "bytes", 3000000);
    unsigned long long seed = (unsigned long long)number_member(request, "seed", 1), state = seed * 2654435761u + 1;
    char path[4352];
    snprintf(path, sizeof path, "%.*s/bytes", (int)folder.len, folder.ptr);
    FILE *file = fopen(path, "wb");
    if (!file)
        return fail(host, SCALETUNE_FAILED, "the workload can't be written");
    for (size_t at = 0, left = 0, letter = 0; at < bytes; at++, left--) {
        if (left == 0 || (seed == 1 && at == bytes / 2)) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            left = 1 + (state >> 60) % 8;
            letter = (letter + 1 + (state >> 50) % 20) % 26;
        }
        fputc('a' + (int)letter, file);
    }
    fclose(file);
    snprintf(path, sizeof path, "%.*s/inputs.toml", (int)folder.len, folder.ptr);
    file = fopen(path, "wb");
    if (!file || fprintf(file, "engine = \"careless\"\n[inputs]\nfile = \"bytes\"\n") < 0 || fclose(file) != 0)
        return fail(host, SCALETUNE_FAILED, "inputs.toml can't be written");
    return SCALETUNE_OK;
}

SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void) {
    static const scaletune_engine engine = {
        .size = sizeof(scaletune_engine),
        .abi_major = SCALETUNE_ABI_MAJOR,
        .abi_minor = SCALETUNE_ABI_MINOR,
        .describe = careless_describe,
        .open = careless_open,
        .prepare = careless_prepare,
        .run = careless_run,
        .write = careless_write,
        .input_class = careless_class,
        .close = careless_close,
        .simulate = careless_simulate,
    };
    return &engine;
}
