/* The smallest engine of scaletune, in C: counts the lines of a file.
 *
 *     cc -std=c11 -O2 -shared -fPIC -I../abi/include example.c -o libscaletune_example_c.so
 *     scaletune --engine-path . run example-c --file README.md -o -
 *
 * It offers two strategies that give the same answer, `stdio` and `block`, and
 * says so in its descriptor; the harness does the rest: flags, help, plans,
 * staging, comparison, tuning. It starts no threads.
 */
#include "scaletune.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((scaletune_text){(literal), sizeof(literal) - 1})

static const char DESCRIPTOR[] =
    "{\"name\": \"example-c\", \"version\": \"1.0.0\", \"summary\": \"Counts the lines of a file (an example in C)\","
    " \"inputs\": [{\"name\": \"file\", \"kind\": \"path\", \"required\": true, \"help\": \"File whose lines to count\"}],"
    " \"axes\": ["
    "  {\"name\": \"method\", \"kind\": \"choice\", \"default\": \"block\", \"help\": \"How the file is read\","
    "   \"values\": [{\"name\": \"block\", \"help\": \"blocks, searched with memchr\"},"
    "              {\"name\": \"stdio\", \"help\": \"one character at a time\"}]},"
    "  {\"name\": \"block-kib\", \"kind\": \"integer\", \"min\": 4, \"max\": 1024, \"scale\": \"log2\", \"default\": 64,"
    "   \"help\": \"KiB that are read at once\"}],"
    " \"constraints\": [\"method == stdio -> block-kib == 64\"],"
    " \"reference\": {\"method\": \"stdio\"},"
    " \"outputs\": [{\"name\": \"lines\", \"file\": \"lines.tsv\", \"format\": \"tsv\", \"help\": \"The number of lines\"}],"
    " \"stages\": [{\"name\": \"read\", \"help\": \"reads and counts\"}]}";

struct scaletune_session {
    const scaletune_host *host;
    FILE *file;
    long size;
    int by_block;
    size_t block;
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
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        snprintf(message, sizeof message, "input `file`: %s: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return fail(host, SCALETUNE_BAD_INPUT, message);
    }
    scaletune_session *session = calloc(1, sizeof *session);
    if (!session) {
        fclose(file);
        return fail(host, SCALETUNE_FAILED, "out of memory");
    }
    session->host = host;
    session->file = file;
    session->size = ftell(file);
    *out = session;
    return SCALETUNE_OK;
}

static scaletune_status prepare(scaletune_session *session, scaletune_text plan) {
    char method[16];
    if (!string_member(plan, "method", method, sizeof method))
        return fail(session->host, SCALETUNE_UNSUPPORTED_PLAN, "the plan has no axis `method`");
    session->by_block = strcmp(method, "block") == 0;
    session->block = (size_t)number_member(plan, "block-kib", 64) * 1024;
    return SCALETUNE_OK;
}

static scaletune_status run(scaletune_session *session) {
    const scaletune_host *host = session->host;
    scaletune_status status = SCALETUNE_OK;
    host->stage_begin(host->context, TEXT("read"));
    session->lines = 0;
    rewind(session->file);
    char *block = malloc(session->block);
    size_t read = 0;
    uint64_t done = 0;
    if (!block) {
        status = fail(host, SCALETUNE_FAILED, "out of memory");
    } else if (session->by_block) {
        while (status == SCALETUNE_OK && (read = fread(block, 1, session->block, session->file)) > 0) {
            for (char *at = block; (at = memchr(at, '\n', read - (size_t)(at - block))) != NULL; at++)
                session->lines++;
            done += read;
            host->progress(host->context, TEXT("read"), done, (uint64_t)session->size);
            if (host->cancelled(host->context))
                status = SCALETUNE_CANCELLED;
        }
    } else {
        for (int letter; status == SCALETUNE_OK && (letter = getc(session->file)) != EOF;) {
            session->lines += letter == '\n';
            if (++done % (1 << 20) == 0 && host->cancelled(host->context))
                status = SCALETUNE_CANCELLED;
        }
    }
    if (status == SCALETUNE_OK && ferror(session->file))
        status = fail(host, SCALETUNE_FAILED, "input `file` can't be read to its end");
    free(block);
    host->stage_end(host->context, TEXT("read"));
    return status;
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
    int length = snprintf(session->class_json, sizeof session->class_json, "{\"bytes\": %ld}", session->size);
    *json = (scaletune_text){session->class_json, (size_t)length};
    return SCALETUNE_OK;
}

static scaletune_status close_session(scaletune_session *session) {
    fclose(session->file);
    free(session);
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
        .simulate = NULL,
    };
    return &engine;
}
