/* Variants of the example engine whose table breaks the contract; -DDEFECT=n picks one. */
#define scaletune_engine_v1 sound_engine
#include "example.c"
#undef scaletune_engine_v1

static scaletune_text describe_bad_utf8(void) { return TEXT("{\"name\": \"\xff\xfe\"}"); }
static scaletune_text describe_bad_json(void) { return TEXT("{\"name\": "); }
/* A space of plans without end, and a constraint as deep as a stack. */
static scaletune_text describe_endless(void) {
    return TEXT("{\"name\": \"example-c\", \"version\": \"1\", \"summary\": \"x\", \"inputs\": [], \"axes\": [{\"name\": \"a\","
                " \"help\": \"\", \"kind\": \"integer\", \"min\": 0, \"max\": 9223372036854775807, \"default\": 0}],"
                " \"outputs\": [{\"name\": \"o\", \"file\": \"o\", \"format\": \"t\", \"help\": \"\"}]}");
}
static scaletune_text describe_deep(void) {
    static char json[200000];
    char *at = json + sprintf(json, "{\"name\": \"example-c\", \"version\": \"1\", \"summary\": \"x\", \"inputs\": [], \"axes\": [],"
                                    " \"constraints\": [\"");
    memset(at, '(', 150000);
    at += 150000;
    at += sprintf(at, "a <= 1\"], \"outputs\": []}");
    return (scaletune_text){json, (size_t)(at - json)};
}
/* Its output would land beside the folder that it is given. */
static scaletune_text describe_way_out(void) {
    return TEXT("{\"name\": \"example-c\", \"version\": \"1\", \"summary\": \"x\", \"inputs\": [], \"axes\": [],"
                " \"outputs\": [{\"name\": \"o\", \"file\": \"../o\", \"format\": \"t\", \"help\": \"\"}]}");
}
/* Its output is called as the user says. */
static scaletune_text describe_named_by_input(void) {
    return TEXT("{\"name\": \"example-c\", \"version\": \"1\", \"summary\": \"x\", \"inputs\": ["
                "{\"name\": \"file\", \"kind\": \"path\", \"required\": true, \"help\": \"\"},"
                "{\"name\": \"tag\", \"kind\": \"string\", \"default\": \"\", \"help\": \"\"}],"
                " \"axes\": [{\"name\": \"method\", \"kind\": \"choice\", \"default\": \"stdio\", \"help\": \"\","
                " \"values\": [{\"name\": \"stdio\", \"help\": \"\"}]}],"
                " \"outputs\": [{\"name\": \"o\", \"file\": \"{tag}lines.tsv\", \"format\": \"tsv\", \"help\": \"\"}]}");
}
static scaletune_text describe_huge(void) {
    static char text[8 << 20];
    memset(text, ' ', sizeof text);
    return (scaletune_text){text, sizeof text};
}
static scaletune_status class_no_json(scaletune_session *session, scaletune_text *json) {
    (void)session;
    *json = TEXT("{\"bytes\": ");
    return SCALETUNE_OK;
}
static scaletune_status class_bad_utf8(scaletune_session *session, scaletune_text *json) {
    (void)session;
    *json = TEXT("{\"\xff\": 1}");
    return SCALETUNE_OK;
}
static scaletune_status open_nothing(const scaletune_host *host, scaletune_text inputs, scaletune_session **out) {
    (void)host, (void)inputs, (void)out;
    return SCALETUNE_OK;
}
static scaletune_status run_fails_in_bad_utf8(scaletune_session *session) {
    session->host->fail(session->host->context, TEXT("disk \xff\xfe on fire"));
    return 77;
}
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
    case 9: engine.describe = describe_endless; break;
    case 10: engine.describe = describe_deep; break;
    case 11: engine.describe = describe_way_out; break;
    case 12: engine.describe = describe_huge; break;
    case 13: engine.input_class = class_no_json; break;
    case 14: engine.input_class = class_bad_utf8; break;
    case 15: engine.open = open_nothing; break;
    case 17: engine.describe = describe_named_by_input; break;
    case 16: engine.run = run_fails_in_bad_utf8; break;
    }
    return &engine;
}
#endif
