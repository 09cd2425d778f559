# ragbackup - `make help` lists what can be made.  GNU make (3.81 is enough).

VERSION = 0.1.0
CC ?= cc
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SAN ?=
HOOKS ?=
WERROR ?=
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PKGS = libuv libssh2 libcurl libcrypto yaml-0.1 sqlite3 jansson expat zlib
OS := $(shell uname -s)
PKG_CONFIG = pkg-config
EMPTY =
SPACE = $(EMPTY) $(EMPTY)

ifeq ($(OS),Darwin)
BREW := $(shell brew --prefix 2>/dev/null)
# Those that Homebrew links nowhere, as macOS has older ones.  Not by "export":
# $(shell) does not see that before GNU make 4.4.
KEGS := $(patsubst %,$(BREW)/opt/%/lib/pkgconfig,openssl@3 curl sqlite \
	expat zlib)
PKG_CONFIG = PKG_CONFIG_PATH="$(subst $(SPACE),:,$(KEGS)):$$PKG_CONFIG_PATH" \
	pkg-config
endif

HAVE_ISAL := $(shell $(PKG_CONFIG) --exists libisal 2>/dev/null && echo 1)
ifeq ($(HAVE_ISAL),1)
PKGS += libisal
ISAL_FLAG = -DHAVE_ISAL
endif

CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wwrite-strings
CPPFLAGS_ALL = -std=c11 -D_GNU_SOURCE -D_DARWIN_C_SOURCE -Ilib -Idaemon -I. \
	-DRAGBACKUP_VERSION='"$(VERSION)"' $(ISAL_FLAG) \
	$(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null) $(CPPFLAGS)
CFLAGS_ALL = $(CFLAGS) $(WARN) $(WERROR) -fno-common -fstack-protector-strong -pthread
LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lpthread -lm

ifneq ($(SAN),)
CFLAGS_ALL += -fsanitize=$(SAN) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
HOOKS = 1
endif
ifneq ($(HOOKS),)
CPPFLAGS_ALL += -DRAGBACKUP_TEST_HOOKS
endif

LIB_SRC := $(sort $(wildcard lib/*/*.c))
SCRIPTS := $(sort $(wildcard lib/*/host/*.sh))
SCRIPT_SRC := $(patsubst %.sh,$(BUILD)/gen/%.c,$(SCRIPTS))
DAEMON_SRC := $(sort $(wildcard daemon/*.c daemon/job/*.c))
CTL_SRC := $(sort $(wildcard ctl/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o) \
	$(patsubst %.sh,$(BUILD)/obj/%.o,$(SCRIPTS))
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/obj/%.o)
CTL_OBJ := $(CTL_SRC:%.c=$(BUILD)/obj/%.o)
UNIT_SRC := $(sort $(wildcard test/unit/*/*_test.c))
UNIT_BIN := $(UNIT_SRC:test/%.c=$(BUILD)/test/%)
TEST_PKGS = cmocka

.PHONY: all
all: $(BUILD)/ragbackupd $(BUILD)/ragbackupctl

$(BUILD)/libragbackup.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/ragbackupd: $(DAEMON_OBJ) $(BUILD)/libragbackup.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(DAEMON_OBJ) \
	    $(BUILD)/libragbackup.a $(LIBS)

$(BUILD)/ragbackupctl: $(CTL_OBJ) $(BUILD)/libragbackup.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(CTL_OBJ) \
	    $(BUILD)/libragbackup.a $(LIBS)

# The flags are a prerequisite: a build with others starts afresh.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' | cmp -s - $@ || \
	    echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' >$@
.PHONY: FORCE
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# A host script lib/ROOM/host/NAME.sh becomes "const char host_script_NAME[]".
$(BUILD)/gen/%.c: %.sh Makefile
	@mkdir -p $(@D)
	@{ echo '#include "$(dir $*)scripts.h"'; \
	   echo 'const char host_script_$(notdir $*)[] ='; \
	   sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; \
	   echo ';'; } >$@

$(BUILD)/obj/%.o: $(BUILD)/gen/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Unit tests: one program a file, with everything but the mains.
$(BUILD)/test/unit/%_test: test/unit/%_test.c $(BUILD)/libragbackup.a \
    $(filter-out %/main.o,$(DAEMON_OBJ) $(CTL_OBJ)) $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) -Itest $(CFLAGS_ALL) -MMD -MP $(LDFLAGS) -o $@ $< \
	    $(if $(findstring unit/daemon/,$@),$(filter-out %/main.o,$(DAEMON_OBJ))) \
	    $(if $(findstring unit/ctl/,$@),$(filter-out %/main.o,$(CTL_OBJ))) \
	    $(BUILD)/libragbackup.a $$($(PKG_CONFIG) --cflags --libs $(TEST_PKGS)) \
	    $(LIBS)

.PHONY: unit
unit: $(UNIT_BIN)

# What must hold of every store, for test/e2e and test/bench.
SUITE_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard test/suite/*.c)))
$(BUILD)/test/store_suite: $(SUITE_OBJ) $(BUILD)/libragbackup.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(SUITE_OBJ) \
	    $(BUILD)/libragbackup.a $(LIBS)

.PHONY: suite
suite: $(BUILD)/test/store_suite

.PHONY: help
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make              build/ragbackupd and build/ragbackupctl
## make deps         install the libraries and tools that are missing
.PHONY: deps
deps:
	@test/deps build check

## make demo         a backup and its restore on a data set made for it
.PHONY: demo
demo:
	@test/deps build
	@$(MAKE) -s -j$(JOBS) all
	@test/demo --build $(BUILD)

# Three builds, each into its own folder and each without a warning: the
# release, the same by clang, and the sanitized one with crash points, on which
# all tests run; they mostly wait, so more of them than there are processors.
## make check        every check of a change: builds, lint, unit and e2e tests
.PHONY: check
check: deps
	@$(MAKE) -s lint
	@echo "build: release, clang, sanitized"
	@$(MAKE) -s -j$(JOBS) WERROR=-Werror BUILD=build all
	@$(MAKE) -s -j$(JOBS) WERROR=-Werror BUILD=build/clang CC=clang \
	    CFLAGS=-O1 all
	@$(MAKE) -s -j$(JOBS) WERROR=-Werror BUILD=build/san \
	    SAN=address,undefined CFLAGS='-O1 -g' all unit suite
	@test/run --build build/san -j $$(($(JOBS) + 3)) e2e unit

## make check-crash  killed at every crash point in turn, the world is checked
.PHONY: check-crash
check-crash: deps
	@$(MAKE) -s -j$(JOBS) BUILD=build/hooks HOOKS=1 all
	@test/run --build build/hooks --limit 3600 crash

## make check-fault  system calls that fail in the middle of a run
.PHONY: check-fault
check-fault: deps
	@test/deps fault
	@$(MAKE) -s -j$(JOBS) BUILD=build/hooks HOOKS=1 all
	@test/run --build build/hooks --limit 3600 fault

## make check-scale  memory while 5 GB pass; the main job with 540 MB over SSH
.PHONY: check-scale
check-scale: deps
	@$(MAKE) -s -j$(JOBS) all
	@test/run --build $(BUILD) --limit 3600 scale

## make check-interop  other people's clients; 300 MB between all pairs of stores
.PHONY: check-interop
check-interop: deps
	@test/deps interop
	@$(MAKE) -s -j$(JOBS) all suite
	@test/run --build $(BUILD) --limit 3600 interop

## make bench-stores  uploads and downloads of 1 GB beside rclone and az
.PHONY: bench-stores
bench-stores: deps
	@test/deps interop
	@$(MAKE) -s -j$(JOBS) suite
	@test/bench/stores --build $(BUILD)

## make bench        downtime and total beside stop, tar, gzip, start
.PHONY: bench
bench: deps
	@$(MAKE) -s -j$(JOBS) all
	@test/bench/downtime --build $(BUILD)

## make fuzz         each parser against libFuzzer, FUZZ_SECONDS=30 each
.PHONY: fuzz
fuzz:
	@test/deps build fuzz
	@test/fuzz/run

## make lint         format, include directions, scripts, documents
.PHONY: lint
lint:
	@test/lint

## make fmt          lay out all C files as lint wants them
.PHONY: fmt
fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

# What install puts where; uninstall removes just that.
BINDIR = $(DESTDIR)$(PREFIX)/bin
DOCDIR = $(DESTDIR)$(PREFIX)/share/doc/ragbackup
SHAREDIR = $(DESTDIR)$(PREFIX)/share/ragbackup
MANDIR = $(DESTDIR)$(PREFIX)/share/man
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd
MAN_PAGES := $(wildcard man/*.[1-9])
DOCS := $(wildcard README.md ARCHITECTURE.md LICENSE)
PLISTS := $(wildcard launchd/*.plist)
# Service files name /usr/local; they are installed naming PREFIX.
AT_PREFIX = sed 's|/usr/local|$(PREFIX)|g'

## make install      PREFIX=/usr/local DESTDIR=
.PHONY: install
install: all
	install -d $(BINDIR) $(DOCDIR) $(SHAREDIR)
	install -m 755 $(BUILD)/ragbackupd $(BUILD)/ragbackupctl $(BINDIR)
	install -m 644 $(DOCS) $(DOCDIR)
	install -m 644 conf/ragbackup.example.yaml $(SHAREDIR)
	@for page in $(MAN_PAGES); do \
	    dir=$(MANDIR)/man$${page##*.}; \
	    install -d $$dir && install -m 644 $$page $$dir || exit 1; \
	done
ifeq ($(OS),Darwin)
	install -d $(SHAREDIR)/launchd
	@for f in $(PLISTS); do \
	    $(AT_PREFIX) $$f >$(SHAREDIR)/launchd/$${f##*/} || exit 1; \
	done
else
	install -d $(UNITDIR)/system $(UNITDIR)/user
	$(AT_PREFIX) systemd/ragbackupd.service \
	    >$(UNITDIR)/system/ragbackupd.service
	$(AT_PREFIX) systemd/user/ragbackupd.service \
	    >$(UNITDIR)/user/ragbackupd.service
endif

## make uninstall    what install put there, and nothing else
.PHONY: uninstall
uninstall:
	rm -f $(BINDIR)/ragbackupd $(BINDIR)/ragbackupctl
	rm -f $(UNITDIR)/system/ragbackupd.service \
	    $(UNITDIR)/user/ragbackupd.service
	rm -f $(foreach p,$(MAN_PAGES),$(MANDIR)/man$(subst .,,$(suffix $(p)))/$(notdir $(p)))
	rm -rf $(DOCDIR) $(SHAREDIR)

## make clean        remove build/
.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
