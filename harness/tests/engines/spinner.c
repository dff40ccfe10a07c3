/* An engine that does a stated amount of arithmetic, in variants that a regression gate must tell apart:
 *   -DPERCENT=110  does a tenth more work, for nothing
 *   -DSERIAL       starts its threads and lets one of them do everything
 *   -DWAIT_MS=50   sleeps as well
 *   -DNOISY        lets the kernel work as well, in each process another amount: CPU time scatters, instructions don't
 *   -DWRONG        gives another answer
 *   -DLOOSE        says that any answer will do
 *   -DNEEDS_MORE   fails on what the others take
 *   -DVERSION="2"
 */
#define _DEFAULT_SOURCE /* usleep */
#define scaletune_engine_v1 sound_engine
#include "example.c"
#undef scaletune_engine_v1

#include <pthread.h>
#include <unistd.h>

#ifndef PERCENT
#define PERCENT 100
#endif
#ifndef VERSION
#define VERSION 1
#endif
#ifdef LOOSE
#define RULE "\"ignore\""
#else
#define RULE "\"exact\""
#endif
#define STRING(x) #x
#define QUOTED(x) "\"" STRING(x) "\""

#define PARTS 64
#define MOST_SPINNERS 64

static const char SPINNER[] =
    "{\"name\": \"spinner\", \"version\": " QUOTED(VERSION) ", \"summary\": \"Does arithmetic\","
    " \"inputs\": [{\"name\": \"iterations\", \"kind\": \"integer\", \"required\": true, \"help\": \"Steps\"}],"
    " \"axes\": [{\"name\": \"workers\", \"kind\": \"integer\", \"min\": 1, \"max\": 64, \"default\": \"max\","
    "             \"role\": \"compute\", \"help\": \"Threads\"}],"
    " \"constraints\": [\"workers <= threads\"], \"helpers\": [\"1\"], \"reference\": {\"workers\": 1},"
    " \"outputs\": [{\"name\": \"answer\", \"file\": \"answer.tsv\", \"format\": \"tsv\", \"help\": \"The answer\","
    "                \"rule\": " RULE "}],"
    " \"simulate\": {\"presets\": [\"tiny\", \"small\"]}}";

struct spinner {
    const scaletune_host *host;
    long iterations;
    int workers;
    uint64_t parts[PARTS];
};

struct spinning {
    struct spinner *spinner;
    int first, last;
};

static volatile uint64_t sink;

static uint64_t spin(uint64_t state, long steps) {
    for (long step = 0; step < steps; step++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    return state;
}

static void *spin_work(void *argument) {
    struct spinning *worker = argument;
    long steps = worker->spinner->iterations / PARTS;
    for (int part = worker->first; part < worker->last; part++) {
        worker->spinner->parts[part] = spin((uint64_t)part, steps);
        sink = spin((uint64_t)part, steps * (PERCENT - 100) / 100);
    }
    return NULL;
}

static scaletune_text spinner_describe(void) { return (scaletune_text){SPINNER, sizeof SPINNER - 1}; }

static scaletune_status spinner_open(const scaletune_host *host, scaletune_text inputs, scaletune_session **out) {
    struct spinner *spinner = calloc(1, sizeof *spinner);
    if (!spinner)
        return fail(host, SCALETUNE_FAILED, "out of memory");
    spinner->host = host;
    spinner->iterations = number_member(inputs, "iterations", 0);
#ifdef NEEDS_MORE
    free(spinner);
    return fail(host, SCALETUNE_BAD_INPUT, "input `iterations`: not enough for this version");
#endif
    *out = (scaletune_session *)spinner;
    return SCALETUNE_OK;
}

static scaletune_status spinner_prepare(scaletune_session *session, scaletune_text plan) {
    ((struct spinner *)session)->workers = (int)number_member(plan, "workers", 1);
    return SCALETUNE_OK;
}

#ifdef NOISY
/* Reads 0 to 1 GB of nothing: some 30 ms at most. */
static void let_the_kernel_work(void) {
    static char buffer[1 << 20];
    FILE *zero = fopen("/dev/zero", "rb");
    if (!zero)
        return;
    setvbuf(zero, NULL, _IONBF, 0);
    for (unsigned times = ((unsigned)getpid() * 2654435761u) >> 22; times > 0; times--)
        if (fread(buffer, sizeof buffer, 1, zero) != 1)
            break;
    fclose(zero);
}
#endif

static scaletune_status spinner_run(scaletune_session *session) {
    struct spinner *spinner = (struct spinner *)session;
    pthread_t threads[MOST_SPINNERS];
    struct spinning workers[MOST_SPINNERS];
    for (int i = 0; i < spinner->workers; i++) {
#ifdef SERIAL
        workers[i] = (struct spinning){spinner, 0, i == 0 ? PARTS : 0};
#else
        workers[i] = (struct spinning){spinner, PARTS * i / spinner->workers, PARTS * (i + 1) / spinner->workers};
#endif
        if (pthread_create(&threads[i], NULL, spin_work, &workers[i]) != 0)
            return fail(spinner->host, SCALETUNE_FAILED, "a thread can't be started");
    }
    for (int i = 0; i < spinner->workers; i++)
        pthread_join(threads[i], NULL);
#ifdef WAIT_MS
    usleep(WAIT_MS * 1000);
#endif
#ifdef NOISY
    let_the_kernel_work();
#endif
    return SCALETUNE_OK;
}

static scaletune_status spinner_write(scaletune_session *session, scaletune_text folder) {
    struct spinner *spinner = (struct spinner *)session;
    uint64_t answer = 0;
    char path[4352];
    for (int part = 0; part < PARTS; part++)
        answer ^= spinner->parts[part];
#ifdef WRONG
    answer++;
#endif
    snprintf(path, sizeof path, "%.*s/answer.tsv", (int)folder.len, folder.ptr);
    FILE *file = fopen(path, "wb");
    if (!file || fprintf(file, "answer\n%llu\n", (unsigned long long)answer) < 0 || fclose(file) != 0)
        return fail(spinner->host, SCALETUNE_FAILED, "answer.tsv can't be written");
    return SCALETUNE_OK;
}

static scaletune_status spinner_class(scaletune_session *session, scaletune_text *json) {
    static char text[64];
    int length = snprintf(text, sizeof text, "{\"iterations\": %ld}", ((struct spinner *)session)->iterations);
    *json = (scaletune_text){text, (size_t)length};
    return SCALETUNE_OK;
}

static scaletune_status spinner_close(scaletune_session *session) {
    free(session);
    return SCALETUNE_OK;
}

static scaletune_status spinner_simulate(const scaletune_host *host, scaletune_text request, scaletune_text folder) {
    char path[4352], preset[16];
    if (!string_member(request, "preset", preset, sizeof preset))
        return fail(host, SCALETUNE_BAD_INPUT, "no preset");
    snprintf(path, sizeof path, "%.*s/inputs.toml", (int)folder.len, folder.ptr);
    FILE *file = fopen(path, "wb");
    long steps = strcmp(preset, "tiny") == 0 ? 10000000 : 20000000;
    if (!file || fprintf(file, "[inputs]\niterations = %ld\n", steps) < 0 || fclose(file) != 0)
        return fail(host, SCALETUNE_FAILED, "inputs.toml can't be written");
    return SCALETUNE_OK;
}

SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void) {
    static const scaletune_engine engine = {
        .size = sizeof(scaletune_engine),
        .abi_major = SCALETUNE_ABI_MAJOR,
        .abi_minor = SCALETUNE_ABI_MINOR,
        .describe = spinner_describe,
        .open = spinner_open,
        .prepare = spinner_prepare,
        .run = spinner_run,
        .write = spinner_write,
        .input_class = spinner_class,
        .close = spinner_close,
        .simulate = spinner_simulate,
    };
    return &engine;
}
