/* SPDX-License-Identifier: MIT */
/* The accelerator that is asked for, shared memory, and the machines of other processors. */
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/accel.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void a_forced_accelerator_is_had_or_missed(void **state)
{
    static const char foreign[] = "{\"nixpkgs\": {\"hostPlatform\": \"riscv32-linux\"},"
                                  " \"virtualisation\": {\"qemu\": {\"forceAccel\": true}}}";
    struct planned p CLEANUP_PLANNED;
    struct planned chosen CLEANUP_PLANNED;

    (void)state;
    planned_new(&p, foreign, planned_no_environment);
    planned_expect_problem(&p, "virtualisation.qemu.forceAccel: is true, but KVM cannot be used",
                           "cannot run a guest for riscv32 by itself", NULL);
    planned_init(&chosen);
    chosen.options.accel = ACCEL_TCG;
    planned_make(&chosen, foreign, planned_no_environment);
    planned_expect_success(&chosen);

    struct planned contrary CLEANUP_PLANNED;

    planned_new(&contrary, VM("\"qemu\": {\"forceAccel\": true, \"options\": [\"-accel tcg\"]}"),
                planned_no_environment);
    planned_expect_problem(&contrary,
                           "virtualisation.qemu.forceAccel: is true, but an option for QEMU names "
                           "TCG, expected false, or no such option",
                           NULL);
}

static void memory_is_shared_where_it_is_asked_for(void **state)
{
    static const struct {
        const char *json;
        bool shared;
    } cases[] = {
        {VM(""), false},
        {VM("\"qemu\": {\"enableSharedMemory\": true}"), true},
        {SYSTEM("\"qemu\": {\"enableSharedMemory\": true}"), true},
        {VM("\"qemu\": {\"enableSharedMemory\": true, \"options\": [\"-mem-path /x\"]}"), false},
        {SYSTEM("\"qemu\": {\"enableSharedMemory\": true, \"options\": [\"-object "
                "memory-backend-memfd,id=m,size=1G -machine memory-backend=m\"]}"),
         false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_new(&p, cases[i].json, planned_no_environment);
        planned_expect_success(&p);
        if (strv_contains(&p.plan.argv, "memory-backend=run-vm-memory") != cases[i].shared)
            fail_msg("%s", cases[i].json);
    }
}

static void other_processors_have_their_machine_and_console(void **state)
{
    static const struct {
        const char *cpu, *machine, *console;
    } cases[] = {
        {"i686", "q35", "ttyS0"},         {"s390x", "s390-ccw-virtio", "ttysclp0"},
        {"loongarch64", "virt", "ttyS0"}, {"mips64", "malta", "ttyS0"},
        {"mips64el", "malta", "ttyS0"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *program CLEANUP_FREE = xasprintf("qemu/bin/qemu-system-%s",
                                               streq(cases[i].cpu, "i686") ? "i386" : cases[i].cpu);
        char *json CLEANUP_FREE = xasprintf("{\"nixpkgs\": {\"hostPlatform\": \"%s-linux\"},"
                                            " \"virtualisation\": {\"graphics\": false}}",
                                            cases[i].cpu);
        char *console CLEANUP_FREE = xasprintf("console=%s,115200n8", cases[i].console);

        planned_init(&p);
        scratch_write(p.scratch, program, "");
        char *path CLEANUP_FREE = scratch_path(p.scratch, program);
        assert_int_equal(chmod(path, 0755), 0);
        planned_make(&p, json, planned_no_environment);
        planned_expect_success(&p);
        if (!streq(cases[i].cpu, "i686")) /* the package's qemu-kvm is that of the host */
            assert_string_equal(p.plan.machine.program, path);
        assert_string_equal(planned_argument(&p, "-machine", 0), cases[i].machine);
        assert_true(strv_contains(&p.plan.kernel_params, console));
    }
}

static void an_emulated_processor_has_no_features_that_are_slow(void **state)
{
    static const struct {
        const char *json;
        enum accel_choice accel;
        const char *model;
    } cases[] = {
        {VM(""), ACCEL_TCG, "max,erms=off,fsrm=off"},
        {VM(""), ACCEL_KVM, "max"},
        {VM("\"qemu\": {\"options\": [\"-accel tcg\"]}"), ACCEL_AUTO, "max,erms=off,fsrm=off"},
        {VM("\"qemu\": {\"options\": [\"-cpu max\"]}"), ACCEL_TCG, "max"},
        {SYSTEM(""), ACCEL_TCG, "max"},
        {"{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}}", ACCEL_TCG, "max,pauth-impdef=on"},
        {"{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}}", ACCEL_KVM, "max"},
        {"{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"runVm\": {\"initrd\": "
         "\"system\"}}",
         ACCEL_TCG, "max"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        p.options.accel = (int)cases[i].accel;
        planned_make(&p, cases[i].json, planned_no_environment);
        planned_expect_success(&p);
        assert_string_equal(planned_argument(&p, "-cpu", 0), cases[i].model);
        assert_int_equal(planned_count(&p, "-cpu"), 1);
    }
}

static void several_emulated_processors_know_that_their_counter_is_the_hosts(void **state)
{
    static const char fast[] = "max,erms=off,fsrm=off";
    char *cpuinfo CLEANUP_FREE = accel_cpuinfo();
    bool invariant = accel_has_invariant_tsc(cpuinfo);
    char *constant CLEANUP_FREE =
        xasprintf("%s%s", fast, invariant ? ",invtsc=on,x-force-features=on,check=off" : "");
    const struct {
        const char *json;
        enum accel_choice accel;
        const char *model;
    } cases[] = {
        {VM("\"cores\": 2"), ACCEL_TCG, constant},
        {VM("\"cores\": 1"), ACCEL_TCG, fast},
        {VM("\"cores\": 2"), ACCEL_KVM, "max"},
        {SYSTEM("\"cores\": 2"), ACCEL_TCG, "max"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        p.options.accel = (int)cases[i].accel;
        planned_make(&p, cases[i].json, planned_no_environment);
        planned_expect_success(&p);
        assert_string_equal(planned_argument(&p, "-cpu", 0), cases[i].model);
    }
}

static void a_counter_of_one_rate_is_found_among_the_flags(void **state)
{
    static const struct {
        const char *cpuinfo;
        bool invariant;
    } cases[] = {
        {"flags\t\t: fpu tsc constant_tsc nonstop_tsc\n", true},
        {"model name : x\nflags : constant_tsc rep_good nonstop_tsc avx\nbugs :\n", true},
        {"flags : fpu tsc constant_tsc\n", false},
        {"flags : fpu tsc nonstop_tsc\n", false},
        {"model name : constant_tsc nonstop_tsc\nflags : fpu\n", false},
        {"Features : fp asimd evtstrm\n", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_int_equal(accel_has_invariant_tsc(cases[i].cpuinfo), cases[i].invariant);
}

static void the_name_of_the_first_processor_is_found(void **state)
{
    char *name CLEANUP_FREE =
        accel_model_name("processor : 0\nmodel name : x\nflags : a\n\nmodel name : y\n");
    char *none CLEANUP_FREE = accel_model_name("Features : fp\n");

    (void)state;
    assert_string_equal(name, "model name : x");
    assert_string_equal(none, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forced_accelerator_is_had_or_missed),
        cmocka_unit_test(memory_is_shared_where_it_is_asked_for),
        cmocka_unit_test(other_processors_have_their_machine_and_console),
        cmocka_unit_test(an_emulated_processor_has_no_features_that_are_slow),
        cmocka_unit_test(several_emulated_processors_know_that_their_counter_is_the_hosts),
        cmocka_unit_test(the_name_of_the_first_processor_is_found),
        cmocka_unit_test(a_counter_of_one_rate_is_found_among_the_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
