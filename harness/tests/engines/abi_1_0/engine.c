/* Frozen: the example engine as it stood with version 1.0 of the ABI. Not to be changed.
 *
 *     cc -std=c11 -O2 -shared -fPIC -pthread -I../abi/include example.c -o libscaletune_example_c.so
 *     scaletune --engine-path . run example-c --file README.md -o -
 *     scaletune --engine-path . tune example-c --demo
 *
 * It offers two strategies that give the same answer, `stdio` and `block`, the
 * second with any number of threads, and makes a workload of its own. All of
 * that stands in its descriptor; the harness does the rest: flags, help, plans,
 * staging, comparison, tuning.
 */
#define _POSIX_C_SOURCE 200809L
#include "scaletune.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT(literal) ((scaletune_text){(literal), sizeof(literal) - 1})
#define MOST_WORKERS 4096
/* What a worker takes at a time: large enough to make taking it cheap, small enough for the last ones to end together. */
#define TASK_BYTES ((off_t)1 << 20)

static const char DESCRIPTOR[] =
    "{\"name\": \"example-c\", \"version\": \"1.1.0\", \"summary\": \"Counts the lines of a file (an example in C)\",\n"
    " \"inputs\": [{\"name\": \"file\", \"kind\": \"path\", \"required\": true, \"help\": \"File whose lines to count\"}],\n"
    " \"axes\": [\n"
    "  {\"name\": \"method\", \"kind\": \"choice\", \"default\": \"block\", \"help\": \"How the file is read\",\n"
    "   \"values\": [{\"name\": \"block\", \"help\": \"blocks, searched with memchr\"},\n"
    "              {\"name\": \"stdio\", \"help\": \"one character at a time\"}]},\n"
    "  {\"name\": \"block-kib\", \"kind\": \"integer\", \"min\": 4, \"max\": 1024, \"scale\": \"log2\", \"default\": 64,\n"
    "   \"help\": \"KiB that are read at once\"},\n"
    "  {\"name\": \"workers\", \"kind\": \"integer\", \"role\": \"compute\", \"min\": 1, \"default\": \"max\",\n"
    "   \"help\": \"Threads that count\"}],\n"
    " \"constraints\": [\"method == stdio -> block-kib == 64\", \"method == stdio -> workers == 1\",\n"
    "                 \"workers <= threads\"],\n"
    /* The calling thread waits for the workers: one thread more than the budget. */
    " \"helpers\": [\"1\"],\n"
    " \"reference\": {\"method\": \"stdio\", \"workers\": 1},\n"
    " \"outputs\": [{\"name\": \"lines\", \"file\": \"lines.tsv\", \"format\": \"tsv\", \"help\": \"The number of lines\"}],\n"
    " \"stages\": [{\"name\": \"read\", \"help\": \"reads and counts\"}],\n"
    /* Presets are bare names; sizes are inputs of `simulate`. */
    " \"simulate\": {\"presets\": [\"tiny\", \"small\", \"medium\"],\n"
    "  \"sizes\": [{\"name\": \"lines\", \"kind\": \"integer\", \"min\": 1, \"max\": 1000000000,\n"
    "             \"help\": \"Lines of the file\"}]}}\n";

struct scaletune_session {
    const scaletune_host *host;
    int file;
    off_t size;
    int by_block;
    size_t block;
    unsigned workers;
    unsigned long long lines;
    char class_json[64];
};

static scaletune_status fail(const scaletune_host *host, scaletune_status status, const char *message) {
    host->fail(host->context, (scaletune_text){message, strlen(message)});
    return status;
}

/* Where the value of member `key` of a flat JSON object begins; json.len = there is none. */
static size_t member(scaletune_text json, const char *key) {
    char quoted[64];
    size_t length = (size_t)snprintf(quoted, sizeof quoted, "\"%s\"", key);
    for (size_t at = 0; at + length < json.len; at++) {
        if (memcmp(json.ptr + at, quoted, length) != 0)
            continue;
        for (at += length; at < json.len && strchr(" :\t\n", json.ptr[at]); at++)
            ;
        return at;
    }
    return json.len;
}

/* Copies the string member `key`; 0 = there is none, it has no room, or it has an escape not known here. */
static int string_member(scaletune_text json, const char *key, char *out, size_t room) {
    size_t at = member(json, key), written = 0;
    if (at >= json.len || json.ptr[at] != '"')
        return 0;
    for (at++; at < json.len && json.ptr[at] != '"'; at++) {
        char letter = json.ptr[at];
        if (letter == '\\') {
            letter = ++at < json.len ? json.ptr[at] : 0;
            if (letter != '"' && letter != '\\' && letter != '/')
                return 0;
        }
        if (written + 1 >= room)
            return 0;
        out[written++] = letter;
    }
    out[written] = 0;
    return 1;
}

static long number_member(scaletune_text json, const char *key, long otherwise) {
    char digits[32];
    size_t at = member(json, key), count = 0;
    while (at + count < json.len && count + 1 < sizeof digits && json.ptr[at + count] >= '0' && json.ptr[at + count] <= '9')
        count++;
    memcpy(digits, json.ptr + at, count);
    digits[count] = 0;
    return count ? strtol(digits, NULL, 10) : otherwise;
}

static scaletune_text describe(void) { return TEXT(DESCRIPTOR); }

static scaletune_status open_session(const scaletune_host *host, scaletune_text inputs, scaletune_session **out) {
    char path[4096], message[4352];
    if (!string_member(inputs, "file", path, sizeof path))
        return fail(host, SCALETUNE_BAD_INPUT, "input `file` is missing or its name can't be read; give --file");
    struct stat found;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) {
        const char *cause = file < 0 ? strerror(errno) : "is not a regular file";
        snprintf(message, sizeof message, "input `file`: %s: %s", path, cause);
        if (file >= 0)
            close(file);
        return fail(host, SCALETUNE_BAD_INPUT, message);
    }
    scaletune_session *session = calloc(1, sizeof *session);
    if (!session) {
        close(file);
        return fail(host, SCALETUNE_FAILED, "out of memory");
    }
    session->host = host;
    session->file = file;
    session->size = found.st_size;
    *out = session;
    return SCALETUNE_OK;
}

static scaletune_status prepare(scaletune_session *session, scaletune_text plan) {
    char method[16];
    if (!string_member(plan, "method", method, sizeof method))
        return fail(session->host, SCALETUNE_UNSUPPORTED_PLAN, "the plan has no axis `method`");
    long workers = number_member(plan, "workers", 1);
    if (workers < 1 || workers > MOST_WORKERS)
        return fail(session->host, SCALETUNE_UNSUPPORTED_PLAN, "axis `workers`: give 1 to 4096");
    session->by_block = strcmp(method, "block") == 0;
    session->block = (size_t)number_member(plan, "block-kib", 64) * 1024;
    session->workers = (unsigned)workers;
    return SCALETUNE_OK;
}

/* What the workers of one run share. */
struct job {
    scaletune_session *session;
    atomic_llong next;    /* where the next task begins */
    atomic_ullong lines;  /* a sum of whole numbers: the same in every order */
    atomic_int error;     /* errno of the first failure */
};

struct worker {
    struct job *job;
    unsigned number;
    pthread_t thread;
};

/* Counts the lines of one task; 0, or errno. */
static int count_task(struct job *job, char *block, off_t begin, off_t end) {
    while (begin < end) {
        size_t wanted = job->session->block;
        if ((off_t)wanted > end - begin)
            wanted = (size_t)(end - begin);
        ssize_t got = pread(job->session->file, block, wanted, begin);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO; /* the file has become shorter */
        unsigned long long found = 0;
        for (char *at = block; (at = memchr(at, '\n', (size_t)(got - (at - block)))) != NULL; at++)
            found++;
        atomic_fetch_add(&job->lines, found);
        begin += got;
    }
    return 0;
}

/* Takes one task after the other until none is left, the host asks to stop, or something fails. */
static void *work(void *argument) {
    struct worker *worker = argument;
    struct job *job = worker->job;
    const scaletune_host *host = job->session->host;
    off_t size = job->session->size;
    char *block = malloc(job->session->block);
    if (!block) {
        atomic_store(&job->error, ENOMEM);
        return NULL;
    }
    while (!atomic_load(&job->error) && !host->cancelled(host->context)) {
        off_t begin = atomic_fetch_add(&job->next, TASK_BYTES);
        if (begin >= size)
            break;
        off_t end = begin + TASK_BYTES < size ? begin + TASK_BYTES : size;
        uint64_t began = host->now(host->context);
        int error = count_task(job, block, begin, end);
        if (error)
            atomic_store(&job->error, error);
        /* The report draws who did what when, and works out from it what more threads would bring. */
        host->task_span(host->context, TEXT("block"), worker->number, began, host->now(host->context));
        host->progress(host->context, TEXT("read"), (uint64_t)end, (uint64_t)size);
    }
    free(block);
    return NULL;
}

/* As many threads as the plan says, joined here. 0, or errno. */
static int count_by_block(scaletune_session *session) {
    struct job job = {.session = session};
    struct worker *workers = calloc(session->workers, sizeof *workers);
    if (!workers)
        return ENOMEM;
    unsigned started = 0;
    for (; started < session->workers; started++) {
        workers[started] = (struct worker){.job = &job, .number = started};
        int error = pthread_create(&workers[started].thread, NULL, work, &workers[started]);
        if (error) {
            atomic_store(&job.error, error);
            break;
        }
    }
    for (unsigned at = 0; at < started; at++)
        pthread_join(workers[at].thread, NULL);
    free(workers);
    session->lines = atomic_load(&job.lines);
    return atomic_load(&job.error);
}

static int count_by_stdio(scaletune_session *session) {
    const scaletune_host *host = session->host;
    int copy = dup(session->file);
    FILE *file = copy < 0 ? NULL : fdopen(copy, "rb");
    if (!file) {
        if (copy >= 0)
            close(copy);
        return errno;
    }
    rewind(file);
    uint64_t done = 0;
    for (int letter; (letter = getc(file)) != EOF;) {
        session->lines += letter == '\n';
        if (++done % (1 << 20) == 0 && host->cancelled(host->context))
            break;
    }
    int error = ferror(file) ? EIO : 0;
    fclose(file);
    return error;
}

static scaletune_status run(scaletune_session *session) {
    const scaletune_host *host = session->host;
    char message[256];
    session->lines = 0;
    host->stage_begin(host->context, TEXT("read"));
    int error = session->by_block ? count_by_block(session) : count_by_stdio(session);
    host->stage_end(host->context, TEXT("read"));
    if (error) {
        snprintf(message, sizeof message, "input `file` can't be read to its end: %s", strerror(error));
        return fail(host, SCALETUNE_FAILED, message);
    }
    if (host->cancelled(host->context))
        return SCALETUNE_CANCELLED;
    host->metric(host->context, TEXT("lines"), (double)session->lines, TEXT("count"));
    return SCALETUNE_OK;
}

static scaletune_status write_outputs(scaletune_session *session, scaletune_text folder) {
    char path[4352];
    snprintf(path, sizeof path, "%.*s/lines.tsv", (int)folder.len, folder.ptr);
    FILE *file = fopen(path, "wb");
    if (!file || fprintf(file, "lines\n%llu\n", session->lines) < 0 || fclose(file) != 0)
        return fail(session->host, SCALETUNE_FAILED, "lines.tsv can't be written");
    return SCALETUNE_OK;
}

static scaletune_status input_class(scaletune_session *session, scaletune_text *json) {
    int length =
        snprintf(session->class_json, sizeof session->class_json, "{\"bytes\": %lld}", (long long)session->size);
    *json = (scaletune_text){session->class_json, (size_t)length};
    return SCALETUNE_OK;
}

static scaletune_status close_session(scaletune_session *session) {
    close(session->file);
    free(session);
    return SCALETUNE_OK;
}

/* Lines whose lengths follow from the seed alone: the same request gives the same bytes. */
static int write_lines(FILE *file, long lines, uint64_t state) {
    for (long line = 0; line < lines; line++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (fprintf(file, "%.*s\n", (int)(state >> 58), "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789.,") < 0)
            return 0;
    }
    return 1;
}

static scaletune_status simulate(const scaletune_host *host, scaletune_text request, scaletune_text folder) {
    char preset[16], path[4352];
    if (!string_member(request, "preset", preset, sizeof preset))
        return fail(host, SCALETUNE_BAD_INPUT, "the request names no preset");
    long lines = strcmp(preset, "tiny") == 0 ? 200000 : strcmp(preset, "small") == 0 ? 1000000 : 10000000;
    lines = number_member(request, "lines", lines);
    snprintf(path, sizeof path, "%.*s/lines.txt", (int)folder.len, folder.ptr);
    FILE *file = fopen(path, "wb");
    if (!file || !write_lines(file, lines, (uint64_t)number_member(request, "seed", 1)) || fclose(file) != 0)
        return fail(host, SCALETUNE_FAILED, "lines.txt can't be written");
    snprintf(path, sizeof path, "%.*s/inputs.toml", (int)folder.len, folder.ptr);
    file = fopen(path, "wb");
    if (!file || fputs("engine = \"example-c\"\n\n[inputs]\nfile = \"lines.txt\"\n", file) < 0 || fclose(file) != 0)
        return fail(host, SCALETUNE_FAILED, "inputs.toml can't be written");
    return SCALETUNE_OK;
}

SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void) {
    static const scaletune_engine engine = {
        .size = sizeof(scaletune_engine),
        .abi_major = SCALETUNE_ABI_MAJOR,
        .abi_minor = SCALETUNE_ABI_MINOR,
        .describe = describe,
        .open = open_session,
        .prepare = prepare,
        .run = run,
        .write = write_outputs,
        .input_class = input_class,
        .close = close_session,
        .simulate = simulate,
    };
    return &engine;
}
