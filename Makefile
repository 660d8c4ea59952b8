# SPDX-License-Identifier: MIT
# Writes only under build/; `make help` lists the targets.

VERSION := 0.1.0

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
# Use all processors, unless -j is given.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash

# ---------------------------------------------------------------------------------------------
# Variables to set on the command line, also SHELL

PREFIX ?= /usr/local
DESTDIR ?=
CC := gcc
AR := gcc-ar
# GUEST_CPU=aarch64: the guest's half for that processor, build/init-aarch64, by Debian's cross compiler
GUEST_CPU ?=
GUEST_CPUS := aarch64 riscv64
$(if $(filter-out $(GUEST_CPUS),$(GUEST_CPU)),$(error GUEST_CPU=$(GUEST_CPU): expected one of $(GUEST_CPUS)))
# the compiler and tools of the guest's half
MUSL_CC := $(if $(GUEST_CPU),build/guest-$(GUEST_CPU)/libs/musl/bin/gcc,musl-gcc)
STRIP := $(if $(GUEST_CPU),$(GUEST_CPU)-linux-gnu-)strip
READELF := readelf
PKG_CONFIG := pkg-config
SCDOC := scdoc
# WERROR=: warnings of a compiler other than Debian's are no errors
WERROR := -Werror
# GUEST_LIBS=DIR: the guest's static libraries are DIR/lib/*.a, their headers (with the kernel's linux/,
# asm/ and asm-generic/) in DIR/include; scripts/guest-libs is not run
GUEST_LIBS :=
# RUN_VM_PATH=DIR[:DIR...]: where run-vm finds QEMU and its other programs if the user's PATH lacks them
RUN_VM_PATH :=
# the libarchive that run-vm opens: a path, or a name that the dynamic loader finds
LIBARCHIVE := libarchive.so.13
# where zsh looks for completions, below PREFIX; Debian's packages have them in share/zsh/vendor-completions
ZSH_FUNCTIONS := share/zsh/site-functions
# test files run in parallel, the tests of one file in their order
BATS := bats --jobs $(shell nproc) --no-parallelize-within-files
# SANITIZE=1: the host half and the unit tests with ASan and UBSan, under build/sanitize
SANITIZE ?=
# INSTALL_PACKAGES=no: install nothing; a missing package makes the build fail
INSTALL_PACKAGES ?= yes
# V=1: show the commands
V ?=

say = $(if $(V),,@echo '  $1	$@';)
quiet = $(if $(V),,@)

# ---------------------------------------------------------------------------------------------
# Flags

WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wmissing-declarations -Wpointer-arith -Wwrite-strings -Wvla -Wundef \
	-Wformat=2 -Wimplicit-fallthrough -Wcast-align -Wlogical-op -Wduplicated-cond -Wdate-time \
	-Wnested-externs -Wredundant-decls
COMPILED_IN := -DRUN_VM_PATH='"$(RUN_VM_PATH)"' -DRUN_VM_LIBARCHIVE='"$(LIBARCHIVE)"'
CPPFLAGS := -I. -D_GNU_SOURCE -DRUN_VM_VERSION='"$(VERSION)"' $(COMPILED_IN)
DEPENDENCIES = -MMD -MP -MF $(@:.o=.d)
CONVERSION_common := -Wconversion
# Some distributions' compilers define it already.
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

ifeq ($(SANITIZE),)
B := build
NATIVE_CFLAGS := -O2 -g $(FORTIFY) -fstack-protector-strong -fstack-clash-protection
NATIVE_LDFLAGS := -Wl,-z,relro,-z,now
else
B := build/sanitize
NATIVE_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
NATIVE_LDFLAGS := -fsanitize=address,undefined
endif
NATIVE_CFLAGS += -std=gnu17 -fPIE
NATIVE_LDFLAGS += -pie -Wl,-z,noexecstack -Wl,--as-needed

# the guest's objects and its init; for another processor both have its name
G := build/guest$(GUEST_CPU:%=-%)
GUEST_INIT := build/init$(GUEST_CPU:%=-%)
OWN_GUEST_LIBS := $(G)/libs
guest_libs := $(or $(GUEST_LIBS),$(OWN_GUEST_LIBS))
GUEST_CFLAGS := -std=gnu17 -Os -g $(FORTIFY) -fstack-protector-strong -fno-pie \
	-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
GUEST_CPPFLAGS := -isystem $(guest_libs)/include
# no build ID: it would be another one in each directory
GUEST_LDFLAGS := -static -no-pie -Wl,--build-id=none -Wl,--gc-sections -Wl,-z,noexecstack -Wl,-z,relro
GUEST_LDLIBS := -L$(guest_libs)/lib -lmount -lblkid -lkmod -lzstd -llzma -lz \
	-lext2fs -lcom_err -lsqlite3
GUEST_MAX_BYTES := 1600000

# pkg-config is asked at the first use, because only by then the packages have been installed.
HOST_PACKAGES := jansson
# of libarchive, which the host half opens when it is needed, only the headers
HOST_HEADERS := $(HOST_PACKAGES) libarchive
# the guest half as a native program: the unit tests and the tools
TEST_PACKAGES := $(HOST_HEADERS) libkmod blkid mount ext2fs com_err sqlite3
once = $(eval $1 := $2)$($1)
HOST_LDLIBS = $(call once,HOST_LDLIBS,$(shell $(PKG_CONFIG) --libs $(HOST_PACKAGES)))
NATIVE_LDLIBS = $(call once,NATIVE_LDLIBS,$(shell $(PKG_CONFIG) --libs $(TEST_PACKAGES)))
headers_of = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $1))
HOST_CPPFLAGS = $(call once,HOST_CPPFLAGS,$(call headers_of,$(HOST_HEADERS)))
NATIVE_CPPFLAGS = $(call once,NATIVE_CPPFLAGS,$(call headers_of,$(TEST_PACKAGES)))

# ---------------------------------------------------------------------------------------------
# Sources and products

sources_of = $(sort $(wildcard $1/*.c $1/*/*.c))
BASE := $(call sources_of,base)
COMMON := $(call sources_of,common)
INIT := $(call sources_of,init)
HOST := $(call sources_of,host)
TOOLS := $(wildcard tools/*.c)
UNIT := $(wildcard tests/unit/test-*.c)
UNIT_HELPERS := $(filter-out $(UNIT),$(wildcard tests/unit/*.c))

# the sources of run-vm, and of the tools that `make install` needs: they write the manual pages and the
# completions from the tables of the code
WRITERS := manual completions
WRITER_SOURCES := $(WRITERS:%=tools/%.c) tools/tables/template.c
INSTALLED := $(BASE) $(COMMON) $(HOST) $(WRITER_SOURCES)

native = $(patsubst %.c,$(B)/native/%.o,$1)
guest = $(patsubst %.c,$(G)/%.o,$1)

ARCHIVES := $(addprefix $(B)/native/lib,init.a host.a common.a base.a)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT))
TOOL_PROGRAMS := $(patsubst tools/%.c,$(B)/tools/%,$(TOOLS))

# Tests match the messages of programs, which depend on the locale.
export LC_ALL := C.UTF-8
# Debian has depmod and mkfs.* here; an ordinary user's PATH lacks both directories.
export PATH := $(PATH):/usr/sbin:/sbin
# The tests find the programs and build/ by these.
export RUN_VM_PROGRAM := $(abspath $(B)/run-vm)
export RUN_VM_INIT := $(abspath build/init)
export RUN_VM_BUILD := $(abspath build)
export RUN_VM_TOOLS := $(abspath $(B)/tools)

.PHONY: all
all: $(B)/run-vm $(GUEST_INIT) $(TOOL_PROGRAMS) $(if $(SANITIZE),,man completions) ## all that make install installs, and the tools (the default)

# ---------------------------------------------------------------------------------------------
# Debian packages, each group once for a build directory

ifeq ($(INSTALL_PACKAGES),yes)
packages = $(addprefix build/packages/,$1)
endif
build/packages/%: scripts/packages/% scripts/install-packages
	$(quiet)scripts/install-packages $*
	@mkdir -p $(@D) && touch $@

# ---------------------------------------------------------------------------------------------
# Native objects, archives and programs

$(B)/native/%.o: %.c Makefile | $(call packages,build)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(if $(filter $(INSTALLED),$*.c),$(HOST_CPPFLAGS),$(NATIVE_CPPFLAGS)) $(NATIVE_CFLAGS) $(WARNINGS) $(CONVERSION_$(firstword $(subst /, ,$*))) \
		$(DEPENDENCIES) -c -o $@ $<

# These contain what packaging chooses, and are compiled again when it chooses otherwise.
ifneq ($(file <$(B)/chosen),$(RUN_VM_PATH) $(LIBARCHIVE))
.PHONY: $(B)/chosen
endif
$(B)/chosen:
	@mkdir -p $(@D) && printf '%s\n' '$(RUN_VM_PATH) $(LIBARCHIVE)' >$@
$(B)/native/host/system/process.o $(B)/native/host/initrd/lazylibs.o: $(B)/chosen

define archive
$(B)/native/lib$1.a: $(call native,$(filter-out $1/main.c,$(call sources_of,$1)))
	@mkdir -p $$(@D) && rm -f $$@
	$$(call say,AR)$(AR) rcs $$@ $$^
endef
$(foreach half,base common init host,$(eval $(call archive,$(half))))

$(B)/run-vm: $(B)/native/host/main.o $(addprefix $(B)/native/lib,host.a common.a base.a)
	$(call say,LINK)$(CC) $(NATIVE_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $^ $(HOST_LDLIBS)

$(WRITERS:%=$(B)/tools/%): $(B)/tools/%: $(B)/native/tools/%.o $(B)/native/tools/tables/template.o \
		$(addprefix $(B)/native/lib,host.a common.a base.a)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(NATIVE_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $^ $(HOST_LDLIBS)

$(filter-out $(WRITERS:%=$(B)/tools/%),$(TOOL_PROGRAMS)): $(B)/tools/%: $(B)/native/tools/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(NATIVE_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(ARCHIVES) -Wl,--end-group $(NATIVE_LDLIBS)

# The manual pages; their tables of options and parameters come from the code.
MANUALS := $(patsubst man/%.scd,build/man/%,$(wildcard man/*.scd))
build/man/%: man/%.scd $(B)/tools/manual | $(call packages,build)
	@mkdir -p $(@D)
	$(call say,MAN)$(B)/tools/manual $< >$@.scd && $(SCDOC) <$@.scd >$@
.PHONY: man
man: $(MANUALS) ## build the manual pages, build/man

# The completions of the command line; COMPLETIONS= leaves them out.
COMPLETIONS := $(addprefix build/completions/,run-vm.bash run-vm.fish run-vm.zsh)
build/completions/%: completions/%.in $(B)/tools/completions
	@mkdir -p $(@D)
	$(call say,WRITE)$(B)/tools/completions $< >$@
.PHONY: completions
completions: $(COMPLETIONS) ## build the completions for bash, fish and zsh, build/completions

$(UNIT_PROGRAMS): $(B)/unit/%: $(B)/native/tests/unit/%.o $(call native,$(UNIT_HELPERS)) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(NATIVE_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(ARCHIVES) -Wl,--end-group $(NATIVE_LDLIBS) -lcmocka

$(call native,$(UNIT) $(UNIT_HELPERS)): | $(call packages,tests)

# ---------------------------------------------------------------------------------------------
# The guest: one static binary, checked to be static and small

# Our own libraries are in the user's cache; build them again if the recipe changes or the cache is gone.
$(OWN_GUEST_LIBS).stamp: $(wildcard scripts/guest-libs*) $(if $(wildcard $(OWN_GUEST_LIBS)/lib/libkmod.a),,missing-guest-libs) \
		| $(call packages,build guest-libs $(GUEST_CPU:%=guest-%))
	@mkdir -p $(@D)
	libs=$$(scripts/guest-libs $(GUEST_CPU:%=GUEST_CPU=%)) && ln -sfn "$$libs" $(OWN_GUEST_LIBS)
	@touch $@
.PHONY: missing-guest-libs

guest_archives := $(if $(GUEST_LIBS),$(patsubst -l%,$(GUEST_LIBS)/lib/lib%.a,$(filter -l%,$(GUEST_LDLIBS))),\
	$(OWN_GUEST_LIBS).stamp)

$(G)/%.o: %.c Makefile $(guest_archives)
	@mkdir -p $(@D)
	$(call say,CC)$(MUSL_CC) $(CPPFLAGS) $(GUEST_CPPFLAGS) $(GUEST_CFLAGS) $(WARNINGS) $(CONVERSION_$(firstword $(subst /, ,$*))) \
		$(DEPENDENCIES) -c -o $@ $<

$(G)/init.debug: $(call guest,$(INIT) $(COMMON) $(BASE)) $(guest_archives)
	$(call say,LINK)$(MUSL_CC) $(GUEST_CFLAGS) $(GUEST_LDFLAGS) -Wl,-Map=$(G)/init.map -o $@ \
		$(filter %.o,$^) $(GUEST_LDLIBS)

$(GUEST_INIT): $(G)/init.debug scripts/check-static
	$(call say,STRIP)$(STRIP) --strip-all -o $@.new $<
	$(quiet)READELF='$(READELF)' $(SHELL) scripts/check-static $@.new $(GUEST_MAX_BYTES)
	$(quiet)mv $@.new $@

# The same for each other processor, by a make of its own, whose variables are that processor's.
.PHONY: guests
guests: $(GUEST_CPUS:%=guest-%) ## build init for guests of other processors too: build/init-aarch64, build/init-riscv64
guest-%:
	@$(MAKE) --no-print-directory GUEST_CPU=$* build/init-$*

-include $(shell find build '(' -path build/user -o -path 'build/demo*' ')' -prune -o -name '*.d' -type f -print 2>/dev/null)

# ---------------------------------------------------------------------------------------------
# The fuzz targets: all that they link is built by clang with libFuzzer, ASan and UBSan

FUZZ := $(wildcard tests/fuzz/fuzz-*.c)
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ))
# Tracing comparisons of numbers (trace-cmp) costs more than it finds: the inputs are text.
FUZZ_CFLAGS := -std=gnu17 -O2 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-coverage=trace-cmp
FUZZED := $(patsubst %.c,build/fuzz/obj/%.o,$(filter-out %/main.c,$(BASE) $(COMMON) $(INIT) $(HOST)))

build/fuzz/obj/%.o: %.c Makefile | $(call packages,build fuzz)
	@mkdir -p $(@D)
	$(call say,CC)clang $(CPPFLAGS) $(NATIVE_CPPFLAGS) $(FUZZ_CFLAGS) $(DEPENDENCIES) -c -o $@ $<

build/fuzz/libfuzzed.a: $(FUZZED)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

# libkmod, which reads modprobe.d, from the same source as the guest's. It calls bsearch(NULL, 0
# elements) and left-shifts negative values in its hash; both are harmless, so these two checks are off.
build/fuzz/libkmod.a: $(wildcard scripts/guest-libs*) Makefile \
		| $(call packages,build fuzz guest-libs)
	@mkdir -p $(@D)
	libs=$$(scripts/guest-libs SOURCES=kmod KMOD_NEEDS= CC=clang \
		CFLAGS='$(FUZZ_CFLAGS) -w -fno-sanitize=nonnull-attribute,shift-base') && cp "$$libs/lib/libkmod.a" $@

# Two targets replace the allocator (tests/fuzz/arena.h), one of them also the kernel's answers.
FUZZ_ALLOCATOR := malloc calloc realloc reallocarray strdup strndup asprintf vasprintf free
FUZZ_KERNEL := open close stat fstat read fdopen mmap munmap uname syscall system
FUZZ_LDFLAGS_fuzz-plan := $(addprefix -Xlinker --wrap=,$(FUZZ_ALLOCATOR))
FUZZ_LDFLAGS_fuzz-modprobe := $(addprefix -Xlinker --wrap=,$(FUZZ_ALLOCATOR) $(FUZZ_KERNEL))

$(FUZZ_PROGRAMS): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/libfuzzed.a build/fuzz/libkmod.a
	$(call say,LINK)clang -fsanitize=fuzzer,address,undefined $(FUZZ_LDFLAGS_$*) -o $@ $^ \
		$(filter-out -lkmod,$(NATIVE_LDLIBS))

# ---------------------------------------------------------------------------------------------
# Running and testing

.PHONY: run
run: all | $(call packages,tests boot $(GUEST_CPU:%=emulator-%)) ## boot the demonstration system: a shell on a terminal, a report without one
	GUEST_CPU=$(GUEST_CPU) tests/systems/demo/run

# Fuzzing is last: at full length it takes longest.
CHECKS := check-unit check-sanitize check-valgrind check-host check-oracle check-boot check-user \
	$(if $(RUN_VM_LONG),check-mutations,check-mutations-quick) check-fuzz

.PHONY: check check-quick check-long
check: ## every test; continues after a failure and lists the failed parts at the end
	@failed=; for part in $(CHECKS); do \
		echo "# make $$part"; $(MAKE) --no-print-directory $$part || failed+=" $$part"; done; \
	if [ -n "$$failed" ]; then echo "make check: failed:$$failed" >&2; exit 1; fi

check-quick: ## the tests without a virtual machine, in under a minute
	@$(MAKE) --no-print-directory check-unit check-host

check-long: ## every test, the campaigns at full length
	@RUN_VM_LONG=1 $(MAKE) --no-print-directory check

.PHONY: check-unit check-valgrind check-sanitize check-host check-oracle check-fuzz check-boot
check-unit: $(UNIT_PROGRAMS) ## the unit tests (SANITIZE=1: with ASan and UBSan)
	@printf '%s\n' $(UNIT_PROGRAMS) | xargs -P $(shell nproc) -I PROGRAM bash -c 'said=$$(timeout 300 PROGRAM 2>&1); \
		status=$$?; { echo "$$said"; [ $$status = 0 ] || echo "failed: PROGRAM, status $$status"; } | \
		flock $(B)/unit cat; exit $$((status > 0))'

check-valgrind: $(UNIT_PROGRAMS) | $(call packages,valgrind) ## the unit tests under valgrind
	tests/unit/run-valgrind $(UNIT_PROGRAMS)

check-sanitize: ## the host half and the unit tests with ASan and UBSan
	@$(MAKE) --no-print-directory SANITIZE=1 all check-unit

check-host: all | $(call packages,tests $(if $(RUN_VM_LONG),zoo)) ## the command line
	$(BATS) tests/host

check-oracle: all | $(call packages,tests) ## the QEMU command, compared with the specification's
	tests/oracle/check $(B)/run-vm --plan --libvirt

check-fuzz: $(FUZZ_PROGRAMS) ## each reader of untrusted input, fuzzed for 8 s, with RUN_VM_LONG for minutes
	tests/fuzz/run $(abspath $(FUZZ_PROGRAMS))

check-boot: all guests | $(call packages,tests boot emulator-aarch64) ## real boots in QEMU
	$(BATS) tests/boot

.PHONY: check-user
check-user: all | $(call packages,tests boot) ## a newcomer's session, with the Debian package installed
	tests/user/run

.PHONY: check-mutations check-mutations-quick
check-mutations: all $(UNIT_PROGRAMS) | $(call packages,tests boot) ## the tests themselves: each must notice its broken promise
	tests/mutations/run

check-mutations-quick: all $(UNIT_PROGRAMS) | $(call packages,tests)
	tests/mutations/run --quick

.PHONY: bench bench-quick
bench: all | $(call packages,tests boot bench) ## measure
	tests/bench/run

bench-quick: all | $(call packages,tests boot bench) ## measure, in under five minutes
	tests/bench/run --quick

.PHONY: lint
lint: | $(call packages,build tests lint) ## includes, clang-format, cppcheck, clang-tidy, shellcheck
	scripts/lint $(CPPFLAGS) -std=gnu17 $(NATIVE_CPPFLAGS)

# ---------------------------------------------------------------------------------------------

# What `make install` installs: SOURCE:MODE:PATH, the path below PREFIX
man_path = share/man/man$(subst .,,$(suffix $1))/$(notdir $1)
completion_path = $(completion_path$1)
completion_path.bash := share/bash-completion/completions/run-vm
completion_path.fish := share/fish/vendor_completions.d/run-vm.fish
completion_path.zsh = $(ZSH_FUNCTIONS)/_run-vm
INSTALLATION = build/run-vm:755:bin/run-vm build/init:755:libexec/run-vm/init \
	$(foreach cpu,$(GUEST_CPUS),$(if $(wildcard build/init-$(cpu)),build/init-$(cpu):755:libexec/run-vm/init-$(cpu))) \
	$(foreach page,$(MANUALS),$(page):644:$(call man_path,$(page))) \
	$(foreach file,$(COMPLETIONS),$(file):644:$(call completion_path,$(suffix $(file))))

.PHONY: install uninstall deb clean help
install: $(B)/run-vm build/init man completions ## install under $(DESTDIR)$(PREFIX), with the init of each processor that is built
	for file in $(INSTALLATION); do IFS=: read -r source mode path <<<"$$file" && \
		install -D -m "$$mode" "$$source" "$(DESTDIR)$(PREFIX)/$$path" || exit; done

uninstall: ## remove what install has installed
	for file in $(INSTALLATION) $(GUEST_CPUS:%=:libexec/run-vm/init-%); do rm -f "$(DESTDIR)$(PREFIX)/$${file##*:}" || exit; done
	[ ! -d "$(DESTDIR)$(PREFIX)/libexec/run-vm" ] || rmdir "$(DESTDIR)$(PREFIX)/libexec/run-vm"

deb: $(B)/run-vm build/init man completions | $(call packages,tests) ## the Debian package, build/deb/run-vm_*.deb
	scripts/build-deb build/deb

clean: ## remove build/ (the cache of libraries and kernels stays)
	@for store in build/demo*/store; do [ ! -e "$$store" ] || chmod -R u+w "$$store"; done
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
