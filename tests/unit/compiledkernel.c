/* SPDX-License-Identifier: MIT */
#include "tests/unit/compiledkernel.h"

#include <string.h>

#include "base/alloc.h"
#include "host/system/tree.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const struct {
    const char *file; /* below lib/modules/1.0 */
    const char *source;
} sources[] = {
    {"kernel/fs/disk-fs.ko", "INFO(\"alias=fs-disk\"); INFO(\"softdep=pre: sum-soft post: late\"); "
                             "INFO(\"depends=journal\");"
                             "void journal_start(void); void f(void) { journal_start(); }"},
    {"kernel/fs/journal.ko", "INFO(\"depends=base\"); void base_start(void);"
                             "EXPORT(journal_start) { base_start(); }"},
    {"kernel/fs/base.ko", "EXPORT(base_start) {}"},
    {"kernel/crypto/sum_generic.ko", "INFO(\"alias=sum-soft\");"},
    {"kernel/crypto/sum_fast.ko", "INFO(\"alias=sum-soft\"); INFO(\"alias=cpu:[a-z]*x\");"},
    {"kernel/late.ko", "INFO(\"softdep=pre: disk-fs\");"},
    {"kernel/virtio.ko", "INFO(\"alias=virtio:d00000002v*\"); INFO(\"alias=virtio:d00000009v*\");"},
    {"kernel/unused.ko", "INFO(\"license=MIT\");"},
    {"kernel/hashing.ko", "INFO(\"softdep=pre: crypto-hash hash base post: hash\");"},
    {"kernel/sha_fast.ko", "INFO(\"alias=crypto-sha256\");"},
    {"kernel/hash_generic.ko", "INFO(\"alias=crypto-hash\"); INFO(\"alias=hash\");"},
};

static const char header[] = "#define INFO_(text, line) static const char info_##line[] "
                             "__attribute__((used, section(\".modinfo\"))) = text\n"
                             "#define INFO__(text, line) INFO_(text, line)\n"
                             "#define INFO(text) INFO__(text, __COUNTER__)\n"
                             "#define EXPORT(name) static const char string_##name[] "
                             "__attribute__((used, section(\"__ksymtab_strings\"))) = #name; "
                             "void name(void); void name(void)\n";

int compiledkernel_setup(void **state)
{
    struct compiledkernel *kernel = xcalloc(1, sizeof *kernel);
    kernel->scratch = scratch_new();
    kernel->directory = scratch_path(kernel->scratch, "lib/modules/1.0");
    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        char *object CLEANUP_FREE = scratch_path(kernel->directory, sources[i].file);
        char *parent CLEANUP_FREE = xstrndup(object, (size_t)(strrchr(object, '/') - object));
        char *text CLEANUP_FREE = xasprintf("%s%s\n", header, sources[i].source);
        char *source CLEANUP_FREE = scratch_path(kernel->scratch, "module.c");
        assert_int_equal(tree_make(parent, 0755, NULL), 0);
        scratch_write(kernel->scratch, "module.c", text);
        scratch_run("gcc", "-c", "-w", "-o", object, source);
    }
    scratch_write(kernel->directory, "modules.order",
                  "kernel/unused.ko\nkernel/crypto/sum_generic.ko\nkernel/crypto/sum_fast.ko\n"
                  "kernel/virtio.ko\n");
    scratch_write(kernel->directory, "modules.builtin.modinfo", "");
    scratch_write(kernel->directory, "modules.builtin", "kernel/inside.ko\n");
    scratch_run("depmod", "-b", kernel->scratch, "1.0");
    *state = kernel;
    return 0;
}

int compiledkernel_teardown(void **state)
{
    struct compiledkernel *kernel = *state;
    scratch_free(&kernel->scratch);
    free(kernel->directory);
    free(kernel);
    return 0;
}
