# Compiles every .c below cmd core net store into one static PIE, and every tests/unit/**/*.c into one test program.
# Called by build.sh, which decides MODE (release, asan, tsan) and sees to it that the tools are there.
# No list of files: a new .c is picked up by itself. One object tree a mode: build/<mode>/.

MODE ?= release
B    := build/$(MODE)
ARCH := $(shell uname -m)

# A helper may build a part of the tree: make -f scripts/build.mk B=build/mine SRC_DIRS='core/base store' UNIT_DIRS=tests/unit/store units
SRC_DIRS  ?= cmd core net store
UNIT_DIRS ?= tests/unit
SRC  := $(sort $(shell find $(SRC_DIRS) -name '*.c' -o -name '*.S' | grep -v '/\.'))
LIBSRC := $(filter-out cmd/main.c,$(SRC))
SIM_UNIT := $(if $(filter tests/unit tests/unit/gossip,$(UNIT_DIRS)),$(filter-out tests/sim/gossip_main.c,$(wildcard tests/sim/gossip_*.c)))
UNIT := $(sort tests/test_main.c $(wildcard tests/sim/disk.c tests/sim/seeds.c) $(SIM_UNIT) $(if $(filter tests/unit tests/unit/core,$(UNIT_DIRS)),$(filter-out tests/sim/cluster_main.c,$(wildcard tests/sim/cluster_*.c))) $(shell find $(UNIT_DIRS) -name '*.c' 2>/dev/null))

REVISION := $(shell git rev-parse --short=8 HEAD 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wno-missing-field-initializers
CFLAGS_ALL := -std=c11 -D_GNU_SOURCE -I. -pthread $(WARN) -fstack-protector-strong -fno-strict-aliasing -fPIE -g -MMD -MP

ifeq ($(MODE),release)
  # musl, static PIE. The wrapper's specs know -static but not -static-pie, so the link line is spelt out.
  # Where musl is the C library (Alpine), gcc itself is that compiler.
  CC       := $(if $(wildcard /etc/alpine-release),gcc,musl-gcc)
  MUSL     := $(if $(wildcard /etc/alpine-release),/usr/lib,/usr/lib/$(ARCH)-linux-musl)
  GCCLIB   := $(dir $(shell gcc -print-libgcc-file-name))
  BEARSSL  := $(firstword $(wildcard /usr/lib/$(ARCH)-linux-gnu/libbearssl.a /usr/lib/libbearssl.a))
  CFLAGS   := $(CFLAGS_ALL) -O2 -fno-plt -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -Ibuild/include
  LINK      = gcc -nostdlib -static-pie -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections,--build-id -o $@ \
              $(MUSL)/rcrt1.o $(MUSL)/crti.o $(GCCLIB)crtbeginS.o $(1) $(BEARSSL) \
              -Wl,--start-group $(MUSL)/libc.a $(GCCLIB)libgcc.a -Wl,--end-group $(GCCLIB)crtendS.o $(MUSL)/crtn.o
else ifeq ($(MODE),asan)
  CC       := gcc
  CFLAGS   := $(CFLAGS_ALL) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  LINK      = gcc -fsanitize=address,undefined -pthread -pie -o $@ $(1) -lbearssl -lm
else ifeq ($(MODE),tsan)
  CC       := gcc
  CFLAGS   := $(CFLAGS_ALL) -O1 -fsanitize=thread
  LINK      = gcc -fsanitize=thread -pthread -pie -o $@ $(1) -lbearssl -lm
endif

OBJ  := $(patsubst %,$(B)/%.o,$(basename $(SRC)))
LIBOBJ := $(patsubst %,$(B)/%.o,$(basename $(LIBSRC)))
UNITOBJ := $(patsubst %,$(B)/%.o,$(basename $(UNIT)))

.PHONY: binary units bench FORCE
binary: $(B)/consul
units: $(B)/unit

$(B)/consul: $(OBJ)
	$(call LINK,$^)

$(B)/unit: $(UNITOBJ) $(LIBOBJ)
	$(call LINK,$^)

# The gossip simulator as a program: sim_gossip SEED [LAST]
SIM_GOSSIP := $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/gossip_*.c core/gossip/*.c core/base/*.c net/fortify.c) tests/sim/seeds.c tests/sim/memory.c)
$(B)/sim_gossip: $(SIM_GOSSIP)
	$(call LINK,$^)

# … and that of Raft: sim_raft SEED [LAST]
SIM_RAFT := $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/raft_*.c core/raft/*.c core/base/*.c core/effect.c net/fortify.c) tests/sim/seeds.c tests/sim/memory.c)
$(B)/sim_raft: $(SIM_RAFT)
	$(call LINK,$^)

# … and that of whole agents: sim_cluster SEED [LAST]
SIM_CLUSTER := $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/cluster_*.c) tests/sim/disk.c tests/sim/seeds.c tests/sim/memory.c)
$(B)/sim_cluster: $(SIM_CLUSTER) $(LIBOBJ)
	$(call LINK,$^)

# One half of the tests beside other programs' wire (tests/peers).
$(B)/rpc_peer: $(B)/tests/peers/rpc_peer.o $(patsubst %.c,$(B)/%.o,$(wildcard net/*.c core/base/*.c))
	$(call LINK,$^)

bench: $(B)/store_bench $(B)/wal $(B)/watchers
$(B)/store_bench $(B)/wal $(B)/watchers: $(B)/%: $(B)/tests/bench/%.o $(LIBOBJ)
	$(call LINK,$^)

# What runs once, at start or for a person at a terminal, is made small: the binary has a limit of 1.5 MB.
SMALL := core/base/hil core/state/query_template core/method/prepared_query core/method/query_run core/api/http_query \
         core/agent/datacenters core/agent/register core/agent/remote_exec core/leader/autopilot core/leader/peers \
         core/api/http_operator core/api/stats core/base/mapstructure core/base/pattern_read \
         core/base/hcl_scan core/base/hcl_read core/raft/raft_config store/snapshot_files store/wal_recover
ifeq ($(MODE),release)
$(SMALL:%=$(B)/%.o): CFLAGS += -Os
$(B)/cmd/%.o $(B)/core/agent/config%.o: CFLAGS += -Os
$(B)/cmd/agent/%.o: CFLAGS += -O2
$(patsubst %,$(B)/cmd/agent/%.o,boot flags_agent check_docker recovery import regroup): CFLAGS += -Os
endif

# The revision is compiled into one file, again only when it has changed.
$(B)/cmd/version.o: CFLAGS += -DREVISION='"$(REVISION)"'
$(B)/cmd/version.o: $(B)/revision
$(B)/revision: FORCE
	@mkdir -p $(@D)
	@echo $(REVISION) | cmp -s - $@ || echo $(REVISION) >$@
FORCE:

$(B)/%.o: %.c scripts/build.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c $< -o $@

$(B)/%.o: %.S scripts/build.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c $< -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
