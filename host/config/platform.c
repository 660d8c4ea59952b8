/* SPDX-License-Identifier: MIT */
#include "host/config/platform.h"

#include "base/cleanup.h"
#include "base/strv.h"
#include "base/text.h"

/* Programs, machines and serial consoles are those of nixpkgs' qemu-vm.nix; cmdline_size is each
 * architecture's COMMAND_LINE_SIZE (include/asm/setup.h). The last row is any other platform. */
static const struct platform platforms[] = {
    {"x86_64", FAMILY_X86, "qemu-kvm", "qemu-system-x86_64", "q35", "q35", "max", "ttyS0", 2048,
     " x86_64 "},
    {"i686", FAMILY_X86, "qemu-kvm", "qemu-system-i386", "q35", "q35", NULL, "ttyS0", 2048,
     " x86_64 i686 "},
    {"i586", FAMILY_X86, "qemu-kvm", "qemu-system-i386", "q35", "q35", NULL, "ttyS0", 2048,
     " x86_64 i686 "},
    {"i486", FAMILY_X86, "qemu-kvm", "qemu-system-i386", "q35", "q35", NULL, "ttyS0", 2048,
     " x86_64 i686 "},
    {"aarch64", FAMILY_ARM, "qemu-system-aarch64", "qemu-system-aarch64", "virt,gic-version=max",
     "virt,gic-version=max", "max", "ttyAMA0", 2048, " aarch64 "},
    {"armv7l", FAMILY_ARM, "qemu-system-arm", "qemu-system-arm", "virt", "virt", "max", "ttyAMA0",
     1024, " armv7l "},
    {"armv7a", FAMILY_ARM, "qemu-kvm", "qemu-system-arm", NULL, "virt", NULL, "ttyAMA0", 1024,
     " armv7l "},
    {"armv6l", FAMILY_ARM, "qemu-kvm", "qemu-system-arm", NULL, "virt", NULL, "ttyAMA0", 1024, " "},
    {"armv5tel", FAMILY_ARM, "qemu-kvm", "qemu-system-arm", NULL, "virt", NULL, "ttyAMA0", 1024,
     " "},
    {"riscv64", FAMILY_OTHER, "qemu-kvm", "qemu-system-riscv64", NULL, "virt", NULL, "ttyS0", 1024,
     " riscv64 "},
    {"riscv32", FAMILY_OTHER, "qemu-kvm", "qemu-system-riscv32", NULL, "virt", NULL, "ttyS0", 1024,
     " riscv32 "},
    {"powerpc64le", FAMILY_OTHER, "qemu-system-ppc64", "qemu-system-ppc64", "powernv", "powernv",
     NULL, "ttyAMA0", 2048, " ppc64le "},
    {"powerpc64", FAMILY_OTHER, "qemu-system-ppc64", "qemu-system-ppc64", "powernv", "powernv",
     NULL, "ttyAMA0", 2048, " ppc64 "},
    {"powerpc", FAMILY_OTHER, "qemu-kvm", "qemu-system-ppc", NULL, NULL, NULL, "ttyAMA0", 2048,
     " ppc "},
    {"s390x", FAMILY_OTHER, "qemu-system-s390x", "qemu-system-s390x", "s390-ccw-virtio",
     "s390-ccw-virtio", NULL, "ttysclp0", 896, " s390x "},
    {"loongarch64", FAMILY_OTHER, "qemu-system-loongarch64", "qemu-system-loongarch64", "virt",
     "virt", NULL, "ttyS0", 4096, " loongarch64 "},
    {"mips64", FAMILY_OTHER, "qemu-system-mips64", "qemu-system-mips64", "malta", "malta", NULL,
     "ttyS0", 4096, " mips64 "},
    {"mips64el", FAMILY_OTHER, "qemu-system-mips64el", "qemu-system-mips64el", "malta", "malta",
     NULL, "ttyS0", 4096, " mips64 "},
    {NULL, FAMILY_OTHER, "qemu-kvm", "qemu-kvm", NULL, NULL, NULL, NULL, 2048, " "},
};

const struct platform *platform_find(const char *system)
{
    size_t i = 0;

    for (; platforms[i].cpu; i++) {
        const char *rest = startswith(system, platforms[i].cpu);

        if (rest && streq(rest, "-linux"))
            break;
    }
    return &platforms[i];
}

char *platform_known(void)
{
    struct strv names CLEANUP_STRV = {0};

    for (size_t i = 0; platforms[i].cpu; i++)
        strv_pushf(&names, "%s-linux", platforms[i].cpu);
    return strv_join(&names, ", ");
}

const char *platform_tpm(const struct platform *platform)
{
    static const char *const models[] = {[FAMILY_X86] = "tpm-tis", [FAMILY_ARM] = "tpm-tis-device"};

    if (platform->family != FAMILY_OTHER)
        return models[platform->family];
    return platform->cpu && startswith(platform->cpu, "powerpc64") ? "tpm-spapr" : NULL;
}
