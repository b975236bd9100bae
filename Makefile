# The one makefile. Each folder's files.mk names its sources (SRC += ...) and has no rules; `make help` lists the targets.
#
# B is the folder everything is built in: `make SAN=address,undefined` builds in build-asan beside the ordinary build.
SAN ?=
B ?= $(if $(SAN),$(if $(filter thread,$(SAN)),build-tsan,build-asan),build)
V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-8s %s\n' $(1) $(2))

# Two things a fresh machine can be asked for: they install and configure first, then call make again.
FRESH_GOALS := check demo help clean
NEEDS_CONFIG := $(if $(MAKECMDGOALS),$(filter-out $(FRESH_GOALS),$(MAKECMDGOALS)),all)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all check demo check-all check-unit check-headers check-isa check-guest check-boot check-block check-client \
        golden install clean help FORCE

ifneq ($(NEEDS_CONFIG),)
include $(B)/config.mk
endif
$(B)/config.mk: configure
	@SAN='$(SAN)' B='$(B)'; export SAN B; args=$$(cat $(B)/config.args 2>/dev/null); eval "./configure $$args"

# Sources -----------------------------------------------------------------------------------------------------------
SRC :=
TESTLIB_SRC :=
INSN :=
include $(wildcard */files.mk */*/files.mk */*/*/files.mk)
MAIN := core/main.c
SRC := $(sort $(filter-out $(MAIN),$(SRC)))
TESTLIB_SRC := $(sort $(TESTLIB_SRC))
HEADERS := $(shell find core tcg targets accel hw roms tests -name '*.h' 2>/dev/null)
UNIT_SRC := $(shell find tests/unit -name '*.c' 2>/dev/null)
REGISTRIES := $(shell grep -sl '^\#registry ' $$(find core tcg targets accel hw -name '*.def' 2>/dev/null))

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes $(if $(filter 1,$(CONFIG_WERROR)),-Werror)
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -O2 -g -pthread -fno-strict-aliasing -fwrapv -fno-math-errno $(WARN) \
    $(if $(CONFIG_SAN),-fsanitize=$(CONFIG_SAN) -fno-omit-frame-pointer $(if $(filter thread,$(CONFIG_SAN)),-Wno-tsan -Wno-unknown-warning-option) -Wno-stringop-truncation) -I. -I$(B) -I$(B)/gen $(LIB_CFLAGS) $(CONFIG_CFLAGS)
LDFLAGS_ALL = -pthread $(if $(CONFIG_SAN),-fsanitize=$(CONFIG_SAN)) $(LDFLAGS)

ARRAYS := $(shell awk 'FNR == 1 { print $$3 }' $(REGISTRIES))
# Instruction tables: INSN += targets/riscv/rv.insn gives targets/riscv/rv.insn.h to include, the decoder, and the table
# as data for the tests.
INSN_GEN := $(INSN:%=$(B)/gen/%.h)
OBJ := $(SRC:%.c=$(B)/obj/%.o) $(ARRAYS:%=$(B)/obj/registry/%.o) $(INSN:%=$(B)/obj/gen/%.o) $(INSN:%=$(B)/obj/gen/%.table.o)
TESTLIB_OBJ := $(TESTLIB_SRC:%.c=$(B)/obj/%.o)
MAIN_OBJ := $(MAIN:%.c=$(B)/obj/%.o)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
# Instruction tests, one program an architecture: tests/isa/riscv/*.c is isa-riscv. record.c runs as a guest.
ISA_ARCHS := $(notdir $(patsubst %/isa.c,%,$(wildcard tests/isa/*/isa.c)))
ISA_BIN := $(ISA_ARCHS:%=$(B)/isa-%)
ISA_SRC := $(filter-out %/record.c,$(wildcard $(ISA_ARCHS:%=tests/isa/%/*.c)))
LINKS := $(addprefix rhea-,$(shell cat core/links 2>/dev/null))

all: $(B)/rhea $(addprefix $(B)/,$(LINKS))

# Objects -----------------------------------------------------------------------------------------------------------
# A source with flags of its own: CFLAGS_path/to/file.c := ... in its files.mk.
$(B)/obj/%.o: %.c $(B)/config.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$<) -MMD -MP -c $< -o $@

$(B)/obj/%.o: $(B)/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/insngen: $(INSNGEN_SRC:%.c=$(B)/obj/%.o)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

# A table may read others of its folder (%table), so each depends on all of them.
.SECONDEXPANSION:
$(INSN_GEN): $(B)/gen/%.insn.h: %.insn $(B)/insngen $$(wildcard $$(dir %)*.insn)
	$(call say,GEN,$<)
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(B)/insngen $< $@ $(@:.h=.c) $(@:.h=.table.c)
$(INSN:%=$(B)/gen/%.c) $(INSN:%=$(B)/gen/%.table.c): $(INSN_GEN)
$(filter-out $(B)/obj/targets/gen/%,$(SRC:%.c=$(B)/obj/%.o) $(UNIT_SRC:%.c=$(B)/obj/%.o) $(ISA_SRC:%.c=$(B)/obj/%.o)): | $(INSN_GEN)

# The registry: one array for each .def file that begins with `#registry STRUCT ARRAY`.
$(B)/registry.c: core/registry.awk $(REGISTRIES)
	$(call say,GEN,$@)
	$(Q)awk -f core/registry.awk $(REGISTRIES) > $@

$(B)/obj/registry/%.o: $(B)/registry.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -DREGISTRY_$* -c $< -o $@

$(B)/librhea.a: $(OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJ)

$(B)/libtest.a: $(TESTLIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(TESTLIB_OBJ)

# Libraries that are loaded at their first call: see core/lazylink.
ifneq ($(findstring x86_64,$(CONFIG_HOST)),)
$(B)/lazy.c: core/lazylink $(B)/librhea.a $(B)/config.mk
	$(call say,GEN,$@)
	$(Q)core/lazylink '$(CC)' $(B)/librhea.a $@ $(B)/lazy.libs $(LIBS)
$(B)/rhea: $(MAIN_OBJ) $(B)/librhea.a $(B)/obj/lazy.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(MAIN_OBJ) $(B)/obj/lazy.o $(B)/librhea.a $$(cat $(B)/lazy.libs)
else
$(B)/rhea: $(MAIN_OBJ) $(B)/librhea.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(MAIN_OBJ) $(B)/librhea.a $(LIBS)
endif

$(addprefix $(B)/,$(LINKS)): core/links
	$(Q)ln -sfn rhea $@

# User mode alone, without shared libraries: what binfmt_misc starts inside foreign root folders (rhea binfmt).
STATIC_LINKS := $(addprefix $(B)/static/, $(addprefix rhea-, $(filter-out system-% img io nbd pr-helper, $(shell cat core/links 2>/dev/null))))
.PHONY: static
static: $(STATIC_LINKS)
$(B)/static/rhea: $(MAIN_OBJ) $(B)/obj/core/user/static.o $(B)/librhea.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -static-pie -Wl,--wrap=dlopen -o $@ $^ $(STATIC_LIBS)
$(STATIC_LINKS): $(B)/static/rhea
	$(Q)ln -sfn rhea $@

# The manual and the completion come from the option table.
DOC := $(addprefix $(B)/doc/, rhea.1 rhea-system.1 rhea-user.1 rhea-img.1 rhea-io.1 rhea-nbd.1 rhea-pr-helper.1 rhea.bash)
.PHONY: doc
doc: $(DOC)
$(B)/mkdoc: $(B)/obj/core/opt/doc/mkdoc.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $<
$(B)/doc/rhea.1 $(B)/doc/rhea-system.1 $(B)/doc/rhea-user.1: $(B)/doc/rhea%.1: $(B)/mkdoc
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$< man$(or $*,-rhea) > $@
PURPOSE_img := create, convert and check disk images
PURPOSE_io := read and write disk images, piece by piece
PURPOSE_nbd := serve a disk image over the network
PURPOSE_pr-helper := SCSI persistent reservations for virtual machines
$(B)/doc/rhea-img.1 $(B)/doc/rhea-io.1 $(B)/doc/rhea-nbd.1 $(B)/doc/rhea-pr-helper.1: $(B)/doc/rhea-%.1: $(B)/mkdoc $(B)/rhea
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(B)/rhea $* --help | $(B)/mkdoc man-help rhea-$* '$(PURPOSE_$*)' > $@
$(B)/doc/rhea.bash: $(B)/mkdoc
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$< bash > $@

# Tests -------------------------------------------------------------------------------------------------------------
# What a test defines itself stands in for that file of the library.
$(UNIT_BIN): $(B)/%: $(B)/obj/%.o $(B)/librhea.a $(B)/libtest.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(B)/libtest.a $(B)/librhea.a $(TEST_LIBS) $(LIBS)

$(ISA_BIN): $(B)/isa-%: $(ISA_SRC:%.c=$(B)/obj/%.o) $(B)/librhea.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter $(B)/obj/tests/isa/$*/%.o,$^) $(B)/librhea.a $(LIBS)

CHECKS := check-headers check-unit check-isa check-guest check-boot check-block check-client

check-headers: $(HEADERS:%=$(B)/hdr/%.ok)
$(B)/hdr/%.ok: % $(B)/config.mk | $(INSN_GEN)
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' $< | $(CC) $(CFLAGS_ALL) -Werror -fsyntax-only \
	    -MMD -MP -MT $@ -MF $(@:.ok=.d) -x c - && touch $@

check-isa: $(ISA_BIN)

check-unit: all $(UNIT_BIN)
	@B=$(B) tests/lib/run unit $(UNIT_BIN)

# Each of these layers has a script that knows its own tests: tests/LAYER/run, called with the build folder in B.
# T= and I= narrow a run (make check-isa T=riscv I=andn).
check-isa check-guest check-boot check-block check-client: check-%: all
	@B=$(B) T='$(T)' I='$(I)' tests/lib/layer $*

check-all: check-headers
	@B=$(B) MAKE='$(MAKE)' tests/lib/check

check:
	@B=$(B) SAN='$(SAN)' tests/lib/setup check
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(MAKE) --no-print-directory check-all

demo:
	@B=$(B) SAN='$(SAN)' tests/lib/setup build
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@B=$(B) tests/lib/demo $(ARCH)

install: all doc $(if $(CONFIG_STATIC),static)
	@B=$(B) PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LINKS='$(LINKS)' core/install

clean:
	rm -rf $(B)

help:
	@sed -n 's/^#? //p' Makefile
#? make                builds $(B)/rhea and its links
#? make static         user mode without shared libraries, for foreign root folders (rhea binfmt install)
#? make check          the tests: minutes; installs what is missing first (asks on a terminal)
#? make demo           boots Debian for ARM on translated CPUs, to a shell; ARCH=riscv64: for RISC-V
#? make check-unit     one layer alone; also -headers -isa -guest -boot -block -client; T= I= narrow a run
#? make install        PREFIX=/usr/local DESTDIR=
#? make clean          removes the build folder
#? SAN=address,undefined, SAN=thread: a build with sanitizers, in a folder of its own

-include $(shell find $(B)/obj $(B)/hdr -name '*.d' 2>/dev/null)
