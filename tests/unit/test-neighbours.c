/* SPDX-License-Identifier: MIT */
#include "host/config/neighbours.h"

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/schema.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static void a_name_that_is_nearly_right_names_what_was_meant(void **state)
{
    static const struct {
        const char *name, *meant;
    } cases[] = {
        {"virtualization", "virtualisation"},
        {"Virtualisation", "virtualisation"},
        {"virtualistaion", "virtualisation"},
        {"runvm", "runVm"},
        {"run-vm", "runVm"},
        {"run_vm", "runVm"},
        {"networking.hostname", "networking.hostName"},
        {"networking.host-name", "networking.hostName"},
        {"networking.hostNames", "networking.hostName"},
        {"nixpkgs.hostplatform", "nixpkgs.hostPlatform"},
        {"boot.kernelparams", "boot.kernelParams"},
        {"boot.kernelParam", "boot.kernelParams"},
        {"boot.tmpOnTmpFs", "boot.tmpOnTmpfs"},
        {"boot.initrd.kernelModule", "boot.initrd.kernelModules"},
        {"system.Name", "system.name"},
        {"system.build.topLevel", "system.build.toplevel"},
        {"sytem", "system"},
        {"nix.enabled", "nix.enable"},
        {"memorySize", "virtualisation.memorySize"},
        {"memorysize", "virtualisation.memorySize"},
        {"memory-size", "virtualisation.memorySize"},
        {"qemu", "virtualisation.qemu"},
        /* these are NixOS's */
        {"systemd", NULL},
        {"fileSystem", "fileSystems"},
        {"services", NULL},
        {"specialisation", NULL},
        {"networking.hostId", NULL},
        {"networking.primaryIPv6Address", NULL},
        {"boot.kernelPackages", NULL},
        {"boot.kernelModules", NULL},
        {"boot.kernelPatches", NULL},
        {"boot.kernel", NULL},
        {"boot.tmp.cleanOnBoot", NULL},
        {"boot.tmp.tmpfsHugeMemoryPages", NULL},
        {"boot.tmp.useZram", NULL},
        {"boot.tmp.useTmpFs", "boot.tmp.useTmpfs"},
        {"system.stateVersion", NULL},
        {"system.nixos", NULL},
        {"system.build.vm", NULL},
        {"nixpkgs.buildPlatform", NULL},
        {"nixpkgs.system", NULL},
        {"nix.settings", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *meant CLEANUP_FREE =
            neighbours_meant(schema_options, schema_option_count, cases[i].name);

        if (!streq(meant ? meant : "", cases[i].meant ? cases[i].meant : ""))
            fail_msg("%s: %s", cases[i].name, meant ? meant : "nothing");
    }
}

static void a_misspelt_name_is_a_problem_wherever_it_stands(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p,
                      "{\"virtualization\": {\"memorySize\": 4096}, \"runvm\": {\"store\": \"/x\"},"
                      " \"networking\": {\"_type\": \"override\", \"priority\": 50,"
                      " \"content\": {\"hostname\": \"x\"}},"
                      " \"virtualisation\": {\"memory_size\": 1},"
                      " \"virtualisation.cores\": 2}",
                      true);
    planned_expect_problem(&p, "virtualization: is not an option", "perhaps virtualisation", NULL);
    planned_expect_problem(&p, "runvm: is not an option", "perhaps runVm", NULL);
    planned_expect_problem(&p, "networking.hostname: is not an option",
                           "perhaps networking.hostName", NULL);
    planned_expect_problem(&p, "virtualisation.memory_size", "perhaps virtualisation.memorySize",
                           NULL);
    planned_expect_problem(&p, "is not an option when written as \"virtualisation.cores\"",
                           "{\"virtualisation\": {\"cores\": ...}}", NULL);
    assert_int_equal(p.config.problems.count, 5);
}

static void options_of_other_modules_are_left_alone(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(
        &p,
        "{\"virtualisation\": {\"docker\": {\"enable\": true, \"rootless\": {\"enable\": false}},"
        " \"podman\": {}, \"libvirtd\": {\"enable\": 1}, \"containers\": {}, \"lxc\": {},"
        " \"spiceUSBRedirection\": {\"enable\": true}, \"vmware\": {}, \"virtualbox\": {},"
        " \"xen\": {}, \"kvmgt\": {}, \"waydroid\": {}, \"oci-containers\": {}, \"incus\": {},"
        " \"lxd\": {}, \"cri-o\": {}, \"containerd\": {}, \"hypervGuest\": {}, \"appvm\": {},"
        " \"anbox\": {}, \"systemd-nspawn\": {\"options\": []}, \"cmdline\": [], \"rootDir\": "
        "\"/x\","
        " \"darwin-builder\": {\"diskSize\": 1}, \"growPartition\": true}}",
        true);
    planned_expect_success(&p);
    planned_free(&p);
    planned_init(&p);
    planned_configure(&p, "{\"virtualisation\": {\"dockr\": {}, \"dockerx\": {}}}", true);
    planned_expect_problem(&p, "virtualisation.dockr: is not an option", NULL);
    planned_expect_problem(&p, "virtualisation.dockerx: is not an option", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_nearly_right_names_what_was_meant),
        cmocka_unit_test(a_misspelt_name_is_a_problem_wherever_it_stands),
        cmocka_unit_test(options_of_other_modules_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
