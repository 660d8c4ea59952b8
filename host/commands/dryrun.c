/* SPDX-License-Identifier: MIT */
#include "host/commands/dryrun.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "host/config/sharetransport.h"
#include "host/system/shell.h"

/* The transport of the store, and why run-vm chose it, if it did. Returns NULL if the store is
 * neither a share nor an image that run-vm chose. */
static const char *store_transport(const struct config *config, const char **reason)
{
    const struct share *store = share_find(&config->shares, SHARE_STORE);
    *reason = config->store_reason;
    if (store)
        return share_transport_name(store->transport);
    *reason = "an image of the closure, the fastest";
    return sharetransport_is_image(config) ? "erofs" : NULL;
}

void dryrun_text(const struct plan *plan, const struct config *config, FILE *out)
{
    const char *reason = NULL;
    const char *transport = store_transport(config, &reason);
    if (transport && reason)
        (void)fprintf(out, "# store: %s: %s\n", transport, reason);
    for (size_t i = 0; i < plan->argv.count; i++) {
        char *word CLEANUP_FREE = shell_quote(plan->argv.items[i]);
        bool is_option = plan->argv.items[i][0] == '-';
        (void)fprintf(out, "%s%s", i == 0 ? "" : is_option ? " \\\n  " : " ", word);
    }
    (void)fputc('\n', out);
}

/* Returns the length of the UTF-8 character at `text`; 0 if it is not UTF-8. */
static size_t utf8_length(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;
    char part[5] = {0};
    if (!length || strnlen(text, length) < length)
        return 0;
    memcpy(part, text, length);
    json_t *string = json_string(part);
    json_decref(string);
    return string ? length : 0;
}

/* Converts a text to JSON, NULL to JSON null. Returns a new reference. */
static json_t *json_text(const char *text)
{
    if (!text)
        return json_null();
    char *valid CLEANUP_FREE = xcalloc(3 * strlen(text) + 1, 1);
    char *to = valid;
    while (*text) {
        size_t length = utf8_length(text);
        if (length)
            to = mempcpy(to, text, length);
        else
            to = stpcpy(to, "\xef\xbf\xbd");
        text += length ? length : 1;
    }
    return json_string(valid);
}

static json_t *json_list(const struct strv *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_text(list->items[i]));
    return array;
}

static json_t *json_environment(const struct strv *environment)
{
    json_t *object = json_object();
    for (size_t i = 0; i < environment->count; i++) {
        const char *entry = environment->items[i];
        const char *sign = strchrnul(entry, '=');
        char *name CLEANUP_FREE = xstrndup(entry, (size_t)(sign - entry));
        json_object_set_new(object, name, json_text(*sign ? sign + 1 : ""));
    }
    return object;
}

static json_t *json_file(const struct plan_file *file)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(plan_file_kinds[file->kind]));
    json_object_set_new(object, "path", json_text(file->path));
    if (file->source)
        json_object_set_new(object, "source", json_text(file->source));
    if (file->roots.count)
        json_object_set_new(object, "roots", json_list(&file->roots));
    if (file->bytes)
        json_object_set_new(object, "bytes", json_integer((json_int_t)file->bytes));
    if (file->grow)
        json_object_set_new(object, "grow", json_integer((json_int_t)file->grow));
    if (file->label)
        json_object_set_new(object, "label", json_text(file->label));
    json_object_set_new(object, "replace", json_boolean(file->replace));
    if (file->kind == FILE_TEMPORARY)
        json_object_set_new(object, "keep", json_boolean(file->keep));
    return object;
}

static json_t *json_servers(const struct plan *plan)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plan->server_count; i++) {
        const struct plan_server *server = &plan->servers[i];
        json_t *object = json_object();
        json_object_set_new(object, "program", json_text(server->program));
        json_object_set_new(object, "source", json_text(server->source));
        json_object_set_new(object, "socket", json_text(server->socket));
        json_object_set_new(object, "readOnly", json_boolean(server->read_only));
        json_array_append_new(array, object);
    }
    return array;
}

/* A new reference, null if the guest has no TPM. */
static json_t *json_tpm(const struct plan_tpm *tpm)
{
    if (!tpm->program)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "program", json_text(tpm->program));
    json_object_set_new(object, "state", json_text(tpm->state));
    json_object_set_new(object, "socket", json_text(tpm->socket));
    json_object_set_new(object, "provisioning", json_text(tpm->provisioning));
    return object;
}

static json_t *json_initrd(const struct initrd_spec *initrd)
{
    json_t *object = json_object();
    json_t *words = json_array();
    for (size_t i = 0; i < initrd->words.count; i++) {
        const struct cmdline_word *word = &initrd->words.words[i];
        char *text CLEANUP_FREE =
            xasprintf("%s%s%s", word->name, word->value ? "=" : "", word->value ? word->value : "");
        json_array_append_new(words, json_text(text));
    }
    json_object_set_new(object, "init", json_text(initrd->init));
    json_object_set_new(object, "modulesDir", json_text(initrd->modules_dir));
    json_object_set_new(object, "modules", json_list(&initrd->modules));
    json_object_set_new(object, "bootconfig", words);
    return object;
}

static json_t *json_record(const struct model_field *fields, const char *record);

static json_t *json_records(const struct model_field *field, const char *record)
{
    const char *items = *(char *const *)(const void *)(record + field->offset);
    size_t count = *(const size_t *)(const void *)(record + field->count_offset);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_record(field->fields, items + i * field->size));
    return array;
}

/* The value of a field; a new reference, NULL for a text that is not there. */
static json_t *json_field(const struct model_field *field, const char *record)
{
    const void *value = record + field->offset;
    switch (field->type) {
    case MODEL_TEXT:
        return *(char *const *)value ? json_text(*(char *const *)value) : NULL;
    case MODEL_FLAG:
        return json_boolean(*(const bool *)value);
    case MODEL_NUMBER:
        return json_integer((json_int_t) * (const uint64_t *)value);
    case MODEL_CHOICE:
        return json_string(field->names[*(const unsigned int *)value]);
    case MODEL_WORDS:
        return json_list(value);
    case MODEL_ARRAY:
        return json_records(field, record);
    }
    return NULL;
}

/* A record of the model: true if it has no fields, its value if that is all there is. */
static json_t *json_record(const struct model_field *fields, const char *record)
{
    if (!fields)
        return json_true();
    if (!*fields->name)
        return json_field(fields, record);
    json_t *object = json_object();
    for (; fields->name; fields++) {
        json_t *value = json_field(fields, record);
        if (value)
            json_object_set_new(object, fields->name, value);
    }
    return object;
}

/* The machine by the kinds of its items. */
static json_t *json_machine(const struct model *machine)
{
    json_t *object = json_object();
    json_object_set_new(object, "program", json_text(machine->program));
    for (size_t i = 0; i < MODEL_KINDS; i++)
        if (model_records[i].many)
            json_object_set_new(object, model_records[i].name, json_array());
    for (size_t i = 0; i < machine->count; i++) {
        const struct model_item *item = &machine->items[i];
        const struct model_record *record = &model_records[item->kind];
        json_t *value = json_record(record->fields, (const char *)item);
        if (record->many)
            json_array_append_new(json_object_get(object, record->name), value);
        else
            json_object_set_new(object, record->name, value);
    }
    return object;
}

static json_t *json_store(const struct config *config)
{
    const char *reason = NULL;
    const char *transport = store_transport(config, &reason);
    return transport ? json_pack("{s:s,s:s?}", "transport", transport, "reason", reason)
                     : json_null();
}

void dryrun_json(const struct plan *plan, const struct config *config, FILE *out)
{
    json_t *object = json_object();
    json_t *files = json_array();
    for (size_t i = 0; i < plan->file_count; i++)
        json_array_append_new(files, json_file(&plan->files[i]));
    json_object_set_new(object, "argv", json_list(&plan->argv));
    json_object_set_new(object, "machine", json_machine(&plan->machine));
    json_object_set_new(object, "environment", json_environment(&plan->environment));
    json_object_set_new(object, "cwd", json_text(plan->cwd));
    json_object_set_new(object, "kernelParams", json_list(&plan->kernel_params));
    json_object_set_new(object, "files", files);
    json_object_set_new(object, "servers", json_servers(plan));
    json_object_set_new(object, "store", json_store(config));
    json_object_set_new(object, "tpm", json_tpm(&plan->tpm));
    json_object_set_new(object, "initrd", json_initrd(&plan->initrd));
    json_object_set(object, "fileSystems", config->filesystems.value);
    json_object_set_new(object, "warnings", json_list(&plan->warnings));
    (void)json_dumpf(object, out, JSON_INDENT(2));
    (void)fputc('\n', out);
    json_decref(object);
}
