# ragbackup - `make help` lists what can be made.  GNU make (3.81 is enough).

VERSION = 0.1.0
CC ?= cc
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SAN ?=
HOOKS ?=
PKGS = libuv libssh2 libcurl libcrypto yaml-0.1 sqlite3 jansson expat zlib \
	libzstd libarchive
OS := $(shell uname -s)

ifeq ($(OS),Darwin)
BREW := $(shell brew --prefix 2>/dev/null)
export PKG_CONFIG_PATH := $(BREW)/opt/openssl@3/lib/pkgconfig:$(BREW)/opt/curl/lib/pkgconfig:$(BREW)/opt/sqlite/lib/pkgconfig:$(BREW)/opt/libarchive/lib/pkgconfig:$(BREW)/opt/expat/lib/pkgconfig:$(BREW)/opt/zlib/lib/pkgconfig:$(PKG_CONFIG_PATH)
OS_LIBS = -framework IOKit -framework CoreFoundation
endif

HAVE_ISAL := $(shell pkg-config --exists libisal 2>/dev/null && echo 1)
ifeq ($(HAVE_ISAL),1)
PKGS += libisal
ISAL_FLAG = -DHAVE_ISAL
endif

CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wwrite-strings
CPPFLAGS_ALL = -std=c11 -D_GNU_SOURCE -D_DARWIN_C_SOURCE -Ilib -Idaemon -I. \
	-DRAGBACKUP_VERSION='"$(VERSION)"' $(ISAL_FLAG) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CPPFLAGS)
CFLAGS_ALL = $(CFLAGS) $(WARN) -fno-common -fstack-protector-strong -pthread
LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm $(OS_LIBS)

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
	    $(BUILD)/libragbackup.a $$(pkg-config --cflags --libs $(TEST_PKGS)) \
	    $(LIBS)

.PHONY: unit
unit: $(UNIT_BIN)

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: fmt
fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
