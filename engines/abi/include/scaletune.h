/* scaletune.h - the C ABI between scaletune and its engines, version 1.0.
 *
 * An engine is a shared library that exports one function,
 *
 *     const scaletune_engine *scaletune_engine_v1(void);
 *
 * whose name is SCALETUNE_ENTRY. It returns a pointer
 * to a struct that stays valid, and does not change, for the life of the
 * process. A plugin is never unloaded.
 *
 * Rules that hold for every call:
 *   - Strings are UTF-8 with a length and no terminating NUL. They are lent:
 *     valid until the call returns, unless stated otherwise. Nobody frees what
 *     another allocated.
 *   - No C++ exception, Rust panic or longjmp crosses the border.
 *   - The host calls the functions of one session one at a time.
 *   - An engine owns its threads: it starts no more than the plan states and
 *     joins them all in close().
 *   - An engine reads and writes nothing but its inputs and the folder given to
 *     write() or simulate(). It keeps its hands off standard output.
 *
 * Fields are only ever appended. An engine asks SCALETUNE_HAS before it uses
 * a field of the host that was appended after version 1.0, and the host does
 * likewise: so either side may be the newer one. `size` is sizeof(the struct)
 * of the header that the side was built with.
 *
 * The layout below is checked against the Rust side by a test of this crate.
 */
#ifndef SCALETUNE_H
#define SCALETUNE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCALETUNE_ABI_MAJOR 1
#define SCALETUNE_ABI_MINOR 0
#define SCALETUNE_ENTRY "scaletune_engine_v1"

#if defined(__GNUC__)
#define SCALETUNE_EXPORT __attribute__((visibility("default")))
#else
#define SCALETUNE_EXPORT
#endif

/* Whether the table behind `pointer` has `field`: older ones are shorter. */
#define SCALETUNE_HAS(type, pointer, field) \
    ((pointer)->size >= offsetof(type, field) + sizeof((pointer)->field))

/* A lent piece of UTF-8 text. */
typedef struct scaletune_text {
    const char *ptr; /* may be null where len is 0 */
    size_t len;      /* bytes */
} scaletune_text;

/* What a call came to. Any other value counts as SCALETUNE_FAILED. */
typedef int32_t scaletune_status;
enum {
    SCALETUNE_OK = 0,
    SCALETUNE_BAD_INPUT = 1,        /* the user's input is at fault */
    SCALETUNE_UNSUPPORTED_PLAN = 2, /* the plan can't be run on these inputs */
    SCALETUNE_CANCELLED = 3,        /* host->cancelled() said so */
    SCALETUNE_FAILED = 4,           /* the engine, or the machine, failed */
    SCALETUNE_PANICKED = 5          /* a defect of the engine */
};

/* How much a line given to host->log() matters. */
typedef int32_t scaletune_level;
enum {
    SCALETUNE_ERROR = 1,
    SCALETUNE_WARN = 2,
    SCALETUNE_INFO = 3,
    SCALETUNE_DEBUG = 4
};

/* What the host offers to an engine. Valid from open() (or simulate()) until
 * close() (or simulate()) returns. `context` is the first argument of every
 * function. [any] may be called by any thread of the engine, [caller] only by
 * the thread that the host's call runs on. */
typedef struct scaletune_host {
    uint32_t size; /* bytes of this struct */
    uint16_t abi_major;
    uint16_t abi_minor;
    void *context;
    /* [caller] Why the call that is running is about to return an error: what
     * is wrong, where, and what to do about it. The last text counts. */
    void (*fail)(void *context, scaletune_text message);
    /* [any] A line for the user. */
    void (*log)(void *context, scaletune_level level, scaletune_text message);
    /* [any] How far a stage has come; total 0 = not known. Cheap: at most a
     * few times a millisecond is fine. */
    void (*progress)(void *context, scaletune_text stage, uint64_t done, uint64_t total);
    /* [any] 1 = stop as soon as possible and return SCALETUNE_CANCELLED. Ask
     * at least every 100 ms of work. */
    int32_t (*cancelled)(void *context);
    /* [any] A figure worth keeping beside the timings, such as records seen. */
    void (*metric)(void *context, scaletune_text name, double value, scaletune_text unit);
    /* [any] A stage that describe() declares begins, or ends. Stages are not
     * nested and do not overlap. */
    void (*stage_begin)(void *context, scaletune_text stage);
    void (*stage_end)(void *context, scaletune_text stage);
    /* [any] Nanoseconds on the host's clock, for task_span(). */
    uint64_t (*now)(void *context);
    /* [any] Worker number `worker` (from 0) spent [begin, end) on a task. */
    void (*task_span)(void *context, scaletune_text task, uint32_t worker, uint64_t begin, uint64_t end);
} scaletune_host;

/* One opened workload. Opaque to the host. */
typedef struct scaletune_session scaletune_session;

/* An engine. Every function but simulate() must be there. */
typedef struct scaletune_engine {
    uint32_t size; /* bytes of this struct */
    uint16_t abi_major;
    uint16_t abi_minor;
    /* The engine's descriptor: JSON that stays valid for the life of the
     * process. Its form: docs of the crate scaletune-descriptor. */
    scaletune_text (*describe)(void);
    /* Validates every input and opens what does not depend on a plan. `inputs`
     * is a JSON object, name to value, as the descriptor declares them; an
     * input that was not given and has no default is absent. On an error
     * *session stays null. */
    scaletune_status (*open)(const scaletune_host *host, scaletune_text inputs, scaletune_session **session);
    /* Builds the pools for `plan` (JSON: {"threads": N, "axes": {name: value}},
     * with every axis given) and loads what the plan does not vary. May be
     * called again with another plan. */
    scaletune_status (*prepare)(scaletune_session *session, scaletune_text plan);
    /* Does the work. Repeatable, with the same result each time. */
    scaletune_status (*run)(scaletune_session *session);
    /* Writes the declared outputs of the last run into an existing, empty
     * folder. */
    scaletune_status (*write)(scaletune_session *session, scaletune_text folder);
    /* The sizes that matter for speed: a JSON object, name to number or text.
     * Valid until the session's next call. */
    scaletune_status (*input_class)(scaletune_session *session, scaletune_text *json);
    /* Joins every thread, frees the session. */
    scaletune_status (*close)(scaletune_session *session);
    /* Writes a workload into an existing, empty folder: the files and
     * inputs.toml. The same request gives the same bytes. `request` is JSON:
     * {"preset": "small", "seed": 1, "sizes": {name: number}}. Null = not
     * offered. */
    scaletune_status (*simulate)(const scaletune_host *host, scaletune_text request, scaletune_text folder);
} scaletune_engine;

/* What a plugin defines. */
SCALETUNE_EXPORT const scaletune_engine *scaletune_engine_v1(void);

#ifdef __cplusplus
}
#endif
#endif /* SCALETUNE_H */
