# SPDX-License-Identifier: MIT
# Builds the guest's static libraries against musl, from Debian's sources in ./source/NAME into
# ./result. scripts/guest-libs calls it and makes ./kernel-headers. For size, builds only the parts that
# init uses: decoders, no encoders; no programs.

TOP := $(CURDIR)
PREFIX := $(TOP)/result
# GUEST_CPU=aarch64: for another processor than this machine's, by GUEST_CPU-linux-gnu-gcc and the unpacked
# package musl-dev of that processor in MUSL
GUEST_CPU :=
MUSL :=
CROSS := $(if $(GUEST_CPU),$(GUEST_CPU)-linux-gnu-)
CC := $(if $(GUEST_CPU),$(PREFIX)/musl/bin/gcc,musl-gcc)
AR := $(CROSS)ar
# What a configure script has to be told of that.
FOREIGN := $(if $(GUEST_CPU),RANLIB='$(CROSS)ranlib')
HOST := $(if $(GUEST_CPU),--host='$(GUEST_CPU)-linux-musl')
# The prefix map keeps the build directory out of the objects, so that every build gives the same ones.
CFLAGS := -Os -g0 -fno-pie -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fstack-protector-strong -ffile-prefix-map=$(TOP)=. -w
CPPFLAGS := -isystem $(TOP)/kernel-headers
LDFLAGS := -static -no-pie
CONFIGURE = CC='$(CC)' AR='$(AR)' CFLAGS='$(CFLAGS)' CPPFLAGS='$(CPPFLAGS)' \
	LDFLAGS='$(LDFLAGS)' PKG_CONFIG_LIBDIR='$(PREFIX)/lib/pkgconfig' $(FOREIGN) CONFIG_SHELL=/bin/sh \
	/bin/sh ./configure --quiet --cache-file=config.cache $(HOST)
# Most of the time goes into questions of configure scripts. musl's answers are the same for every 64-bit,
# little-endian processor, but for x86's own headers and functions, and for names that end in 64, which newer
# versions no longer have. NATIVE, if it is not empty, is a result for this machine, whose answers are taken.
NATIVE :=
recall = $(if $(NATIVE),grep -E '^(ac_cv_(func|have_decl|header|lib|member|sizeof|type)|ul_cv_warn)_' \
	'$(NATIVE)/answers/$@' | grep -v -e immintrin -e _mm_ -e cpuid -e sys_io -e _iop -e 64= >config.cache,true)
remember = install -D -m 644 config.cache '$(PREFIX)/answers/$@'
# In place of libtool, which takes three times as long for a file as the compiler: runs the compiler, and makes no
# library. `archive` makes those, of the objects *.lo.
define COMPILE
#!/bin/sh
for option do
	shift
	case $$option in --mode=compile) exec "$$@" ;; --*) ;; *) exit 0 ;; esac
done
endef
export COMPILE
compile = printf '%s\n' "$$COMPILE" >compile.sh && $(MAKE) LIBTOOL="/bin/sh $$PWD/compile.sh"
# archive NAME,OBJECT...
archive = mkdir -p '$(PREFIX)/lib' && $(AR) rcs '$(PREFIX)/lib/lib$1.a' $2
# Runs a command with its output in a log, whose end is shown if it fails; reports each library built.
quietly = mkdir -p log done && ( $1 ) >log/$@ 2>&1 || { tail -n 100 log/$@ >&2; exit 1; }; \
	touch done/$@ && echo "guest-libs: $@ is built ($$(ls done | wc -l) of $(words $(SOURCES)))"

# The source packages that scripts/guest-libs fetches.
SOURCES := e2fsprogs kmod libzstd sqlite3 util-linux xz-utils zlib
# Without these, kmod reads modules that are not compressed.
KMOD_NEEDS := zlib xz-utils libzstd

.PHONY: all print-sources print-compiler $(SOURCES)
all: $(SOURCES)
	rm -rf $(PREFIX)/lib/*.la $(PREFIX)/lib/pkgconfig $(PREFIX)/share $(PREFIX)/bin $(PREFIX)/sbin

print-sources:
	@echo $(SOURCES)

print-compiler:
	@$(if $(GUEST_CPU),$(CROSS)gcc,$(CC)) -v 2>&1

$(if $(GUEST_CPU),$(SOURCES): musl)
kmod: $(KMOD_NEEDS)
e2fsprogs: util-linux

# Debian's patches change configure.ac and *.am; without newer generated files make would run aclocal.
touch_generated = find . -name aclocal.m4 -exec touch {} + && \
	find . '(' -name configure -o -name config.h.in -o -name Makefile.in ')' -exec touch {} +

# The compiler finds musl before the glibc of its own package, if that is installed.
define MUSL_GCC
#!/bin/sh
musl=$${0%/*}/..
exec $(CROSS)gcc "$$@" -B"$$musl/lib/" -nostdinc -isystem "$$musl/include" \
	-isystem $(if $(CROSS),$(shell $(CROSS)gcc -print-file-name=include))
endef
export MUSL_GCC

# A newer Debian's objects are taken without debugging information, tables for unwinding and attributes, which
# this machine's binutils may not know.
musl:
	@mkdir -p '$(PREFIX)/musl/lib' '$(PREFIX)/musl/bin'
	@cp -r '$(MUSL)/usr/include/$(GUEST_CPU)-linux-musl' '$(PREFIX)/musl/include'
	@for file in '$(MUSL)/usr/lib/$(GUEST_CPU)-linux-musl'/*.[ao]; do \
		$(CROSS)objcopy --strip-debug --remove-section=.eh_frame --remove-section='.*.attributes' \
			"$$file" "$(PREFIX)/musl/lib/$${file##*/}" || exit; done
	@printf '%s\n' "$$MUSL_GCC" >'$(PREFIX)/musl/bin/gcc' && chmod 755 '$(PREFIX)/musl/bin/gcc'

zlib:
	$(call quietly,cd source/$@ && CC='$(CC)' AR='$(AR)' $(FOREIGN) CFLAGS='$(CFLAGS)' \
		./configure --static --prefix='$(PREFIX)' && $(MAKE) libz.a && \
		install -D -m 644 -t '$(PREFIX)/lib' libz.a && \
		install -D -m 644 -t '$(PREFIX)/include' zlib.h zconf.h)

# The kernel's modules use LZMA2 with or without the x86 filter, and CRC32; LZMA2 needs LZMA1.
xz-utils:
	$(call quietly,cd source/$@ && $(touch_generated) && $(recall) && $(CONFIGURE) --prefix='$(PREFIX)' \
		--disable-shared --disable-dependency-tracking --disable-nls --disable-threads --disable-encoders \
		--enable-decoders=lzma1$(,)lzma2$(,)x86 --enable-checks=crc32$(,)crc64 \
		--disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-scripts \
		--disable-doc --disable-microlzma --disable-lzip-decoder && $(remember) && \
		$(compile) -C src/liblzma liblzma.la && $(call archive,lzma,src/liblzma/*.lo) && \
		install -D -m 644 -t '$(PREFIX)/include' src/liblzma/api/lzma.h && \
		install -D -m 644 -t '$(PREFIX)/include/lzma' src/liblzma/api/lzma/*.h)

libzstd:
	$(call quietly,$(MAKE) -C source/$@/lib CC='$(CC)' AR='$(AR)' CFLAGS='$(CFLAGS)' \
		ZSTD_LIB_COMPRESSION=0 ZSTD_LEGACY_SUPPORT=0 libzstd.a && \
		install -D -m 644 -t '$(PREFIX)/lib' source/$@/lib/libzstd.a && \
		install -D -m 644 -t '$(PREFIX)/include' source/$@/lib/zstd.h source/$@/lib/zstd_errors.h)

# kmod's own build refuses to make a static library; its sources, up to kmod 34, need only this config.h. It defines
# GNU basename, which newer versions of musl do not declare.
define KMOD_CONFIG
#define _GNU_SOURCE 1
#define PACKAGE "kmod"
#define VERSION "guest"
#define SYSCONFDIR "/etc"
#define DISTCONFDIR "/lib"
#define MODULE_DIRECTORY "/lib/modules"
#define ENABLE_DEBUG 0
#define ENABLE_ELFDBG 0
#define ENABLE_LOGGING 1
#define ENABLE_XZ_DLOPEN 0
#define ENABLE_ZLIB_DLOPEN 0
#define ENABLE_ZSTD_DLOPEN 0
#define HAVE_DECL_BASENAME 1
#define HAVE_DECL_BE32TOH 1
#define HAVE_DECL_STRNDUPA 0
#define HAVE_LINUX_MODULE_H 1
#define HAVE_NORETURN 1
#define HAVE_SECURE_GETENV 1
#define HAVE_STATIC_ASSERT 1
#define HAVE_STRUCT_STAT_ST_MTIM 1
#define HAVE___BUILTIN_UADDL_OVERFLOW 1
#define HAVE___BUILTIN_UADDLL_OVERFLOW 1
#include <endian.h>
#include <stdlib.h>
#include <string.h>
static inline char *kmod_basename(const char *path)
{
	char *slash = strrchr(path, '/');
	return slash ? slash + 1 : (char *)path;
}
#define basename(path) kmod_basename(path)
endef
export KMOD_CONFIG

# One patch for each range of versions; the first one that applies as a whole is the right one.
KMOD_PATCHES := $(sort $(wildcard $(abspath $(dir $(lastword $(MAKEFILE_LIST))))/guest-libs-kmod-*.patch))

# Without a patch, text in modprobe.d can crash init.
patch_kmod = for patch in $(KMOD_PATCHES) none; do \
		[ "$$patch" != none ] || { echo "kmod $$(sed -n 's/^\t\[\([0-9.]*\)\]$(,)$$/\1/p' configure.ac): none" \
			'of $(KMOD_PATCHES) applies: write one, or take another version'; exit 1; }; \
		! patch -p1 --fuzz=0 --dry-run --silent --force <"$$patch" >/dev/null || break; \
	done && patch -p1 --fuzz=0 <"$$patch"

kmod:
	$(call quietly,cd source/$@ && $(patch_kmod) && \
		mkdir -p objects && printf '%s\n' "$$KMOD_CONFIG" \
		$(patsubst %,'#define ENABLE_% 1',$(if $(KMOD_NEEDS),XZ ZLIB ZSTD)) >config.h && \
		for file in libkmod/*.c shared/*.c; do \
			[ -n '$(KMOD_NEEDS)' ] || [ "$$file" = "$${file#*-file-}" ] || continue; \
			$(CC) $(CPPFLAGS) -I. -I'$(PREFIX)/include' -include config.h $(CFLAGS) \
				-c -o "objects/$$(basename "$$file" .c).o" "$$file" || exit; \
		done && mkdir -p '$(PREFIX)/lib' && $(AR) rcs '$(PREFIX)/lib/libkmod.a' objects/*.o && \
		install -D -m 644 -t '$(PREFIX)/include' libkmod/libkmod.h)

util-linux:
	$(call quietly,cd source/$@ && $(touch_generated) && $(recall) && $(CONFIGURE) --prefix='$(PREFIX)' \
		--disable-shared --disable-dependency-tracking --disable-nls --disable-all-programs --disable-asciidoc \
		--disable-bash-completion --disable-symvers --enable-libuuid --enable-libblkid \
		--enable-libmount --without-util --without-udev --without-ncursesw --without-tinfo \
		--without-readline --without-cap-ng --without-libz --without-libmagic --without-systemd \
		--without-econf --without-python --without-selinux --without-cryptsetup && $(remember) && \
		$(compile) libuuid.la libblkid.la libmount.la && \
		$(call archive,uuid,libuuid/src/*.lo lib/libuuid_*.lo) && \
		$(call archive,blkid,libblkid/src/*.lo libblkid/src/*/*.lo lib/libcommon_*.lo) && \
		$(call archive,mount,libmount/src/*.lo lib/libmount_*.lo) && \
		for library in uuid blkid libmount; do \
			install -D -m 644 -t "$(PREFIX)/include/$$library" lib*/src/$$library.h || exit; done)

# e2fsprogs' makefile lacks the dependency of all objects in lib/ext2fs on ext2_err.h.
e2fsprogs: CPPFLAGS += -isystem $(PREFIX)/include
e2fsprogs: LDFLAGS += -L$(PREFIX)/lib
e2fsprogs:
	$(call quietly,cd source/$@ && $(touch_generated) && $(recall) && $(CONFIGURE) --prefix='$(PREFIX)' \
		--disable-nls --disable-libuuid --disable-libblkid --disable-uuidd --disable-fuse2fs \
		--disable-debugfs --disable-imager --disable-resizer --disable-defrag --disable-tdb \
		--disable-testio-debug --disable-backtrace --disable-rpath --without-pthread && $(remember) && \
		$(MAKE) -C lib/et && $(MAKE) -C lib/ext2fs ext2_err.h && $(MAKE) -C lib/ext2fs && \
		install -D -m 644 -t '$(PREFIX)/lib' lib/libcom_err.a lib/libext2fs.a && \
		install -D -m 644 -t '$(PREFIX)/include/et' lib/et/com_err.h && \
		install -D -m 644 -t '$(PREFIX)/include/ext2fs' \
			$(addprefix lib/ext2fs/,$(addsuffix .h,bitops ext2_err ext2_ext_attr ext2_fs ext2_io \
				ext2_types ext2fs ext3_extents hashmap qcow2)))

# One thread uses the database, and all SQL is init's own.
SQLITE_FLAGS := -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_DEPRECATED \
	-DSQLITE_OMIT_SHARED_CACHE -DSQLITE_OMIT_PROGRESS_CALLBACK -DSQLITE_DEFAULT_MEMSTATUS=0 \
	-DSQLITE_DQS=0 -DHAVE_USLEEP=1 -DSQLITE_OMIT_JSON

# The amalgamation, the same for all, is made with the machine's compiler, because its tools run on this machine.
sqlite3:
	$(call quietly,cd source/$@ && $(if $(NATIVE),cp '$(NATIVE)'/src/sqlite3.[ch] .,CONFIG_SHELL=/bin/sh /bin/sh \
		./configure --quiet --disable-shared --disable-readline && $(MAKE) sqlite3.c && \
		install -D -m 644 -t '$(PREFIX)/src' sqlite3.c sqlite3.h) && \
		$(CC) $(CPPFLAGS) $(SQLITE_FLAGS) $(CFLAGS) -c -o guest.o sqlite3.c && \
		mkdir -p '$(PREFIX)/lib' && $(AR) rcs '$(PREFIX)/lib/libsqlite3.a' guest.o && \
		install -D -m 644 -t '$(PREFIX)/include' sqlite3.h)

# A literal comma for the arguments of make's functions.
, := ,
