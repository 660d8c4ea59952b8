/* SPDX-License-Identifier: MIT */
#include "host/commands/connectcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/commands/announce.h"
#include "host/commands/connectvolumes.h"
#include "host/commands/libvirtplan.h"
#include "host/commands/makeplan.h"
#include "host/machine/libvirtxml.h"
#include "host/plan/elsewhere.h"
#include "host/prepare/prepare.h"
#include "host/remote/domain.h"
#include "host/remote/virsh.h"
#include "host/system/message.h"
#include "host/system/process.h"
#include "host/system/signals.h"

/* The most machines of one configuration. */
#define MOST_MACHINES 1000

/* Lists the names of the machines. Returns 0, or -EINVAL with the reason. */
static int list_names(struct strv *names, const char *name, const char *count, struct error *e)
{
    uint64_t number = 0;

    if (!count) {
        strv_push(names, name);
        return 0;
    }
    if (!text_number(count, MOST_MACHINES, &number) || number == 0)
        return error_set(e, -EINVAL, "--count: is \"%s\", expected a number from 1 to %d", count,
                         MOST_MACHINES);
    for (uint64_t i = 1; i <= number; i++)
        strv_pushf(names, "%s-%" PRIu64, name, i);
    return 0;
}

/* Chooses the accelerator of the other host, unless one is asked for. */
static void choose_accelerator(struct libvirtplan *made, const struct virsh *virsh,
                               struct run_options *options)
{
    const char *cpu = made->config.platform->cpu;

    if (options->plan.accel != ACCEL_AUTO)
        return;
    char *kvm CLEANUP_FREE = virsh_ask(virsh, "domcapabilities", "--virttype", "kvm", "--arch",
                                       cpu ? cpu : "x86_64", NULL);
    options->plan.accel = kvm ? ACCEL_KVM : ACCEL_TCG;
}

/* Returns 0 if none of the machines runs, or a negative errno with the reason. */
static int check_names(const struct virsh *virsh, const struct strv *names, struct error *e)
{
    for (size_t i = 0; i < names->count; i++)
        if (strv_contains(&virsh->running, names->items[i]))
            return error_set(e, -EBUSY,
                             "%s: runs on %s already; end it by run-vm stop --connect %s %s, or "
                             "choose another name (--name)",
                             names->items[i], virsh->uri, virsh->word, names->items[i]);
    return 0;
}

/* Defines a machine, whose paths are in the plan's model. Returns 0 or a negative errno. */
static int define(struct libvirtplan *made, const struct virsh *virsh, const char *name,
                  struct strv *warnings, struct error *e)
{
    const struct plan *plan = &made->plan;
    const char *cpu = made->config.platform->cpu;
    const struct libvirtdomain_facts facts = {.name = name,
                                              .uri = virsh->host,
                                              .directory = plan->cwd,
                                              .cpu = cpu ? cpu : "x86_64",
                                              .elsewhere = true};
    char *file CLEANUP_FREE = xasprintf("%s/%s.xml", plan->cwd, name);
    char *document CLEANUP_FREE = libvirtxml_write(&plan->machine, &facts, warnings, e);

    if (!document)
        return -EINVAL;
    int r = file_create_at(AT_FDCWD, file, 0600, document, strlen(document), e);
    if (r < 0)
        return r;
    char *defined CLEANUP_FREE = virsh_call(virsh, e, "define", file, NULL);
    return defined ? 0 : -EPROTO;
}

/* Defines all machines, each once all of its volumes are there. */
static int define_all(struct libvirtplan *made, const struct virsh *virsh,
                      struct connectvolumes *volumes, const struct strv *names, struct error *e)
{
    struct strv warnings CLEANUP_STRV = {0};
    int r = connectvolumes_name(volumes, e);

    for (size_t i = 0; i < names->count && r == 0; i++) {
        struct strv later CLEANUP_STRV = {0}; /* the warnings of the first are those of all */

        r = signals_check(e);
        if (r == 0)
            r = connectvolumes_provide(volumes, virsh, names->items[i], e);
        if (r == 0)
            r = define(made, virsh, names->items[i], i ? &later : &warnings, e);
    }
    for (size_t i = 0; i < warnings.count; i++)
        log_warning("%s", warnings.items[i]);
    return r;
}

static int start_all(const struct virsh *virsh, const struct strv *names, struct error *e)
{
    int r = 0;

    for (size_t i = 0; i < names->count && r == 0; i++) {
        r = signals_check(e);
        if (r == 0)
            r = domain_start(virsh, names->items[i], e);
        if (r == 0)
            domain_tell(virsh, names->items[i]);
    }
    return r;
}

/* Makes the plan and its files. Returns the exit status. */
static int make_files(struct libvirtplan *made, struct prepared *prepared,
                      struct connectvolumes *volumes, const struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    int status = makeplan_build(&made->plan, &made->config, options);

    if (status)
        return status;
    announce_warnings(&made->plan, false);
    if (elsewhere_check(&made->plan, &made->config, &e) < 0)
        return message_report(&e, STATUS_CONFIGURATION);
    connectvolumes_collect(volumes, &made->plan);
    signals_block();
    makeplan_hold_store_paths(&made->plan);
    return prepare(prepared, &made->plan, NULL, &e) < 0 ? message_report(&e, STATUS_IO) : 0;
}

int connectcommand_run(struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct virsh virsh CLEANUP_VIRSH = {0};
    struct libvirtplan made CLEANUP_LIBVIRTPLAN = {0};
    struct prepared prepared CLEANUP_PREPARED = {0};
    struct connectvolumes volumes CLEANUP_CONNECTVOLUMES = {0};
    struct strv names CLEANUP_STRV = {0};
    int status = libvirtplan_load(&made, options);

    if (status)
        return status;
    if (list_names(&names, made.name, options->count, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    if (virsh_open(&virsh, options->connect, &e) < 0 || check_names(&virsh, &names, &e) < 0)
        return message_report(&e, STATUS_UNAVAILABLE);
    choose_accelerator(&made, &virsh, options);
    status = make_files(&made, &prepared, &volumes, options);
    if (status)
        return status;
    if (define_all(&made, &virsh, &volumes, &names, &e) < 0)
        return message_report(&e, STATUS_IO);
    if (!options->count && !options->plan.detach)
        return domain_show_console(&virsh, names.items[0], true);
    return start_all(&virsh, &names, &e) < 0 ? message_report(&e, STATUS_IO) : 0;
}
