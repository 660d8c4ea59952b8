/* SPDX-License-Identifier: MIT */
#include "host/run/registry.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/run/registryplace.h"
#include "host/system/process.h"

#define FACTS     "machine.json"
#define NEW_FACTS "machine.json.new"

/* The size that no machine.json exceeds. */
#define FACTS_LIMIT ((size_t)1 << 20)

/* The attempts to take a directory that others, who take it for a dead machine's, remove. */
#define ATTEMPTS 100

/* --- names --- */

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

bool registry_is_name(const char *name)
{
    size_t length = 0;
    while (is_name_byte(name[length]))
        length++;
    return !name[length] && length > 0 && length <= REGISTRY_NAME && isalnum((unsigned char)*name);
}

/* Makes a name, with room for a number after it; the caller frees. */
static char *clean_name(const char *name)
{
    while (*name && !isalnum((unsigned char)*name))
        name++;
    char *clean = xstrndup(*name ? name : "machine", REGISTRY_NAME - sizeof "-9999");
    for (char *c = clean; *c; c++)
        if (!is_name_byte(*c))
            *c = '-';
    return clean;
}

/* --- a machine of our own --- */

/* Takes the lock of NAME. Returns 0, -EWOULDBLOCK if another process has it, -ESTALE if others only
 * look at it or have removed it, or another negative errno. */
static int try_lock(int base, const char *name, int lock)
{
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return registryplace_is_lock(base, name, lock) ? 0 : -ESTALE;
    if (errno != EWOULDBLOCK)
        return -errno;
    return flock(lock, LOCK_SH | LOCK_NB) == 0 ? -ESTALE : -EWOULDBLOCK;
}

/* Returns the descriptor that holds the lock of NAME, or a negative errno: -EWOULDBLOCK if another
 * machine has the name. */
static int take_name(int base, const char *name)
{
    bool seen = false;
    for (int i = 0; i < ATTEMPTS; i++) {
        int r = registryplace_open_lock(base, name);
        int lock CLEANUP_CLOSE = r;
        if (lock >= 0)
            r = try_lock(base, name, lock);
        if (r == 0) {
            registryplace_empty(base, name);
            return TAKE_FD(lock);
        }
        if (r != -ENOENT && r != -ESTALE && (r != -EWOULDBLOCK || seen))
            return r;
        seen = seen || r == -EWOULDBLOCK;
        if (lock >= 0)
            (void)flock(lock, LOCK_UN);
        registryplace_pause();
    }
    return -EWOULDBLOCK;
}

/* Takes the name that is wanted. */
static int take_exactly(int base, const char *name, struct error *e)
{
    int lock = take_name(base, name);
    if (lock != -EWOULDBLOCK)
        return lock;
    return error_set(e, -EEXIST,
                     "%s: another machine of this name runs (run-vm list): choose another --name, "
                     "or end that one by run-vm stop %s",
                     name, name);
}

/* Takes the first that is free of NAME, NAME-2, NAME-3 … `name` becomes it. */
static int take_next(int base, char **name)
{
    char *first CLEANUP_FREE = xstrdup(*name);
    int lock = take_name(base, *name);
    for (int i = 2; lock == -EWOULDBLOCK && i < 10000; i++) {
        free(*name);
        *name = xasprintf("%s-%d", first, i);
        lock = take_name(base, *name);
    }
    return lock;
}

/* Goes on without a place. */
static int go_without(struct registry *registry, const char *path, const char *reason)
{
    log_warning("warning: %s: the machine cannot be listed there: %s; it starts, but run-vm list "
                "does not show it",
                path, reason);
    registry_close(registry);
    return 0;
}

int registry_open(struct registry *registry, const char *name, bool exact, struct error *e)
{
    struct error why CLEANUP_ERROR = {0};
    char *path CLEANUP_FREE = registryplace_path();
    *registry = (struct registry){
        .name = exact ? xstrdup(name) : clean_name(name), .lock = -1, .started = time(NULL)};
    registry->base = registryplace_open(path, true, &why);
    if (registry->base < 0)
        return go_without(registry, path, why.message);
    registry->lock = exact ? take_exactly(registry->base, registry->name, e)
                           : take_next(registry->base, &registry->name);
    if (registry->lock == -EEXIST)
        return -EEXIST;
    if (registry->lock < 0)
        return go_without(registry, path, strerror(-registry->lock));
    registry->directory = xasprintf("%s/%s", path, registry->name);
    registry_publish(registry, "starting", NULL);
    return 0;
}

static int write_facts(const struct registry *registry, const char *text)
{
    int directory CLEANUP_CLOSE =
        openat(registry->base, registry->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return -errno;
    (void)unlinkat(directory, NEW_FACTS, 0);
    int r = file_create_at(directory, NEW_FACTS, 0600, text, strlen(text), NULL);
    if (r == 0 && renameat(directory, NEW_FACTS, directory, FACTS) < 0)
        r = -errno;
    return r;
}

/* Identifies the PID namespace; 0: it is unknown. */
static json_int_t pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (json_int_t)st.st_ino : 0;
}

void registry_publish(struct registry *registry, const char *state, json_t *facts)
{
    if (!registry->name) {
        json_decref(facts);
        return;
    }
    json_t *object = facts ? facts : json_object();
    (void)json_object_set_new(object, "name", json_string(registry->name));
    (void)json_object_set_new(object, "pid", json_integer(getpid()));
    (void)json_object_set_new(object, "pidNamespace", json_integer(pid_namespace()));
    (void)json_object_set_new(object, "started", json_integer(registry->started));
    (void)json_object_set_new(object, "state", json_string(state));
    char *text CLEANUP_FREE = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    int r = text ? write_facts(registry, text) : -ENOMEM;
    if (r < 0)
        (void)go_without(registry, registry->directory, strerror(-r));
}

void registry_close(struct registry *registry)
{
    if (registry->lock >= 0) {
        registryplace_remove(registry->base, registry->name);
        (void)close(registry->lock);
    }
    cleanup_close(&registry->base);
    free(registry->name);
    free(registry->directory);
    *registry = (struct registry){.base = -1, .lock = -1};
}

/* --- machines of all run-vms --- */

/* Reads what is published about a machine that runs. One that has only just taken its name has
 * published nothing yet. */
static json_t *read_facts(int base, const char *name)
{
    char *path CLEANUP_FREE = xasprintf("%s/" FACTS, name);
    size_t size = 0;
    char *text CLEANUP_FREE = file_read_at(base, path, O_NOFOLLOW, FACTS_LIMIT, &size, NULL);
    json_t *facts = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(facts)) {
        json_decref(facts);
        facts = json_object();
        (void)json_object_set_new(facts, "state", json_string("starting"));
    }
    (void)json_object_set_new(facts, "name", json_string(name));
    return facts;
}

static void add_machine(struct registry_machines *machines, int base, const char *path,
                        const char *name)
{
    const struct registry_machine machine = {.name = xstrdup(name),
                                             .directory = xasprintf("%s/%s", path, name),
                                             .facts = read_facts(base, name)};
    ARRAY_PUSH(machines->items, machines->count, machine);
}

int registry_list(struct registry_machines *machines, struct error *e)
{
    char *path CLEANUP_FREE = registryplace_path();
    struct strv names CLEANUP_STRV = {0};
    struct strv locked CLEANUP_STRV = {0};
    int base CLEANUP_CLOSE = registryplace_open(path, false, e);
    *machines = (struct registry_machines){0};
    if (base == -ENOENT)
        return 0;
    if (base < 0)
        return error_context(e, base, "%s", path);
    int r = registryplace_names(&names, base);
    if (r < 0)
        return error_errno(e, -r, "%s", path);
    for (size_t i = 0; i < names.count; i++)
        if (registry_is_name(names.items[i]) && !registryplace_clear(base, names.items[i]))
            strv_push(&locked, names.items[i]);
    if (locked.count)
        registryplace_pause();
    for (size_t i = 0; i < locked.count; i++)
        if (!registryplace_clear(base, locked.items[i]))
            add_machine(machines, base, path, locked.items[i]);
    return r;
}

void registry_free_machines(struct registry_machines *machines)
{
    for (size_t i = 0; i < machines->count; i++)
        registry_free_machine(&machines->items[i]);
    free(machines->items);
    *machines = (struct registry_machines){0};
}

/* Says which machines could have been meant. */
static int tell_choice(const struct registry_machines *machines, const char *name, struct error *e)
{
    struct strv names CLEANUP_STRV = {0};
    for (size_t i = 0; i < machines->count; i++)
        strv_push(&names, machines->items[i].name);
    char *list CLEANUP_FREE = strv_join(&names, ", ");
    if (names.count == 0)
        (void)error_set(e, -ESRCH, "%s%sno machine runs", name ? name : "", name ? ": " : "");
    else if (name)
        (void)error_set(e, -ESRCH, "%s: no machine of this name runs, expected one of %s", name,
                        list);
    else
        (void)error_set(e, -ESRCH, "several machines run: name one of %s", list);
    return error_status(e, -ESRCH, STATUS_NO_MACHINE);
}

int registry_find(struct registry_machine *machine, const char *name, struct error *e)
{
    struct registry_machines machines CLEANUP_MACHINES = {0};
    *machine = (struct registry_machine){0};
    int r = registry_list(&machines, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < machines.count; i++)
        if (name ? streq(machines.items[i].name, name) : machines.count == 1) {
            *machine = machines.items[i];
            machines.items[i] = (struct registry_machine){0};
            return 0;
        }
    return tell_choice(&machines, name, e);
}

void registry_free_machine(struct registry_machine *machine)
{
    free(machine->name);
    free(machine->directory);
    json_decref(machine->facts);
    *machine = (struct registry_machine){0};
}

bool registry_is_running(const struct registry_machine *machine)
{
    char *path CLEANUP_FREE = registryplace_path();
    int base CLEANUP_CLOSE = registryplace_open(path, false, NULL);
    if (base < 0 || registryplace_clear(base, machine->name))
        return false;
    /* another machine may have taken the name */
    json_t *facts = read_facts(base, machine->name);
    bool same = json_equal(json_object_get(facts, "pid"), json_object_get(machine->facts, "pid"));
    json_decref(facts);
    return same;
}

bool registry_is_starting(const struct registry_machine *machine)
{
    const char *state = registry_text(machine, "state");
    return state && streq(state, "starting");
}

bool registry_is_foreign(const struct registry_machine *machine)
{
    json_int_t space = registry_number(machine, "pidNamespace");
    return space != 0 && space != pid_namespace();
}

const char *registry_text(const struct registry_machine *machine, const char *key)
{
    return json_string_value(json_object_get(machine->facts, key));
}

json_int_t registry_number(const struct registry_machine *machine, const char *key)
{
    return json_integer_value(json_object_get(machine->facts, key));
}
