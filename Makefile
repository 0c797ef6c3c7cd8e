# sluice: build, test, run. `make help` lists the targets.
BUILD   ?= build
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
SAN     ?=
V       ?=
Q       := $(if $(V),,@)

ifneq ($(SAN),)
override BUILD := $(BUILD)/san
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -D_FORTIFY_SOURCE=0
OPT     ?= -O1
else
OPT     ?= -O2 -D_FORTIFY_SOURCE=2
endif

VERSION  := $(shell cat VERSION)
PKGS      = libbpf yaml-0.1 libmnl liburcu-qsbr jansson libxxhash libpcre2-8 libidn2 openssl
WARN      = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-missing-field-initializers
CPPFLAGS += -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' -Iuserspace -Iinclude -I$(BUILD)/gen
CFLAGS   += -std=gnu11 -g $(OPT) -pthread -fno-strict-aliasing -fstack-protector-strong -fPIE $(WARN) $(SANFLAGS)
LDFLAGS  += -pthread -pie -Wl,-z,relro,-z,now $(SANFLAGS)
LDLIBS    = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm

SRCS  := $(sort $(wildcard userspace/*/*.c))
MAIN  := userspace/app/main.c
OBJS  := $(patsubst %.c,$(BUILD)/obj/%.o,$(SRCS))
LIB   := $(BUILD)/libsluice.a
BPFS  := $(sort $(wildcard bpf/*.bpf.c))
BPFO  := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(BPFS))
SKELS := $(patsubst bpf/%.bpf.c,$(BUILD)/gen/%.skel.h,$(BPFS))
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/*/*_test.c)))
PACKETO := $(patsubst tests/packet/%.c,$(BUILD)/packet/%.o,$(sort $(wildcard tests/packet/*.c)))

.PHONY: all bpf agent
all: bpf agent ## build the binary and the BPF objects

agent: $(BUILD)/sluice
bpf: $(BPFO)

$(BUILD)/sluice: $(BUILD)/obj/$(MAIN:.c=.o) $(LIB)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(filter-out $(BUILD)/obj/$(MAIN:.c=.o),$(OBJS))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/obj/%.o: %.c | $(SKELS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# BPF programs use UAPI headers only; the multiarch directory holds asm/types.h.
BPFFLAGS = -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Werror -Wno-unused-function -Iinclude -Ibpf -I/usr/include/$(shell $(CC) -dumpmachine)
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(BUILD)/gen/%.skel.h: $(BUILD)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@.tmp && mv $@.tmp $@

# A unit test includes the .c it is about; the archive supplies the rest.
$(BUILD)/unit/%: tests/unit/%.c $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(LIB) -lcmocka $(LDLIBS)

.PHONY: unit
UNIT ?=
unit: $(filter $(if $(UNIT),$(BUILD)/unit/$(UNIT)/%,%),$(UNITS)) ## unit tests (UNIT=room for one room)
	@set -e; for t in $^; do echo "== $${t#$(BUILD)/unit/}"; $$t; done

# --- packet tests: the XDP program under BPF_PROG_TEST_RUN (begin) ---
# The tables override default fields of a shape, which is what -Woverride-init is about.
$(BUILD)/packet/%.o: tests/packet/%.c | $(SKELS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/packet $(CFLAGS) -Wno-override-init -MMD -MP -c -o $@ $<

$(BUILD)/packet/run: $(PACKETO)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lbpf

.PHONY: packet
packet: $(BUILD)/packet/run ## packets in, verdicts and packets out (root)
	@$<; r=$$?; [ $$r -eq 77 ] || exit $$r
-include $(PACKETO:.o=.d)

# What a packet costs; not part of any test. ROUNDS=, PACKETS= and BENCH=part-of-a-name shorten it.
BENCHES := $(patsubst tests/bench/xdp/%.c,$(BUILD)/bench/%.o,$(filter-out %.bpf.c,$(sort $(wildcard tests/bench/xdp/*.c))))
$(BUILD)/bench/%.bpf.o: tests/bench/xdp/%.bpf.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
$(BUILD)/bench/drive.skel.h: $(BUILD)/bench/drive.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name drive_bpf > $@.tmp && mv $@.tmp $@
$(BUILD)/bench/%.o: tests/bench/xdp/%.c $(BUILD)/bench/drive.skel.h
	$(Q)$(CC) $(CPPFLAGS) -I$(BUILD)/bench $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/bench/xdp: $(BENCHES) $(LIB)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.PHONY: bench-xdp
bench-xdp: $(BUILD)/bench/xdp ## ns per packet beside programs that do the least; live frames; ring changes (root)
	@$<; r=$$?; [ $$r -eq 77 ] || exit $$r
-include $(BENCHES:.o=.d) $(BUILD)/bench/drive.bpf.d

# The reference model against the program. MODEL_PACKETS= and MODEL_SEED= choose how long and which packets.
MODEL_PACKETS ?= 20000
$(BUILD)/model/driver: tests/model/driver.c tests/bench/xdp/net.c $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/bench/xdp $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.PHONY: model
model: $(BUILD)/model/driver ## a reference model of the whole decision against the XDP program, on random packets (root)
	@$(PYTHON) tests/model/run.py $< $(MODEL_PACKETS) $(MODEL_SEED); r=$$?; [ $$r -eq 77 ] || exit $$r
# --- packet tests (end) ---

# --- the verifier, and kernels other than this one (begin) ---
# CLANG=clang-16 with a BUILD of its own shows whether another compiler's objects load.
VERIFIER := $(BUILD)/verify/verify
$(VERIFIER): $(wildcard tests/verify/*.c) $(wildcard tests/verify/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lbpf

.PHONY: verify vm
verify: $(VERIFIER) $(BPFO) ## every BPF object loads with every setting; sizes beside those recorded (root; UPDATE=1 records)
	@BUILD=$(BUILD) CLANG=$(CLANG) tests/verify/run.sh; r=$$?; [ $$r -eq 77 ] || exit $$r

KERNEL ?= linux-image-amd64
vm: ## the kernel tier's tests on another kernel, in QEMU without KVM; KERNEL=package (Debian's own by default)
	scripts/deps.sh vm
	$(MAKE) --no-print-directory all $(BUILD)/packet/run $(VERIFIER) $(filter $(BUILD)/unit/kern/%,$(UNITS))
	@BUILD=$(BUILD) tests/vm/run.sh $(KERNEL); r=$$?; [ $$r -eq 77 ] || exit $$r
# --- the verifier, and kernels other than this one (end) ---

-include $(OBJS:.o=.d) $(BPFO:.o=.d) $(addsuffix .d,$(UNITS))

.PRECIOUS: $(BUILD)/gen/%.skel.h # else make takes them for intermediate and deletes them

# Debian's interpreter, whatever else is first in PATH: pytest is a package of that one.
PYTHON := /usr/bin/python3
PYTEST  = SLUICE=$(abspath $(BUILD)/sluice) BUILD=$(abspath $(BUILD)) SAN=$(SAN) $(PYTHON) -m pytest -q -p no:cacheprovider

.PHONY: deps run test check conf e2e lint san bench fuzz fmt install help clean
deps: ## install the Debian packages that running and testing need (root; only what is missing)
	scripts/deps.sh test

run: ## start it: packages, build, a network of namespaces, backends, the balancer; Ctrl-C removes everything
	scripts/deps.sh run
	$(MAKE) --no-print-directory all
	BUILD=$(BUILD) exec scripts/run.sh

# One after the other whatever -j says: what is cheap fails first, and namespaces want a quiet machine.
test: ## every test: packages, lint, unit, packet, verifier, configuration, end to end (root)
	$(MAKE) --no-print-directory deps
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory all
	$(MAKE) --no-print-directory unit
	$(MAKE) --no-print-directory packet
	$(MAKE) --no-print-directory model
	$(MAKE) --no-print-directory verify
	$(MAKE) --no-print-directory conf
	$(MAKE) --no-print-directory e2e

check: lint unit conf ## the tests that need no root

lint: ## mechanical rules over the sources, and the rules' own test
	@$(PYTHON) tests/lint/lint.py --self-test
	@$(PYTHON) tests/lint/lint.py

conf: agent ## golden configurations: valid ones as understood, broken ones with their exact errors, every shipped example
	tests/conf/run.sh $(BUILD)/sluice

e2e: all ## end to end in namespaces with real clients (root); E2E=args for pytest
	$(PYTEST) tests/e2e $(E2E)

san: ## unit, packet, configuration and end-to-end tests with ASan and UBSan (root for the last)
	$(MAKE) --no-print-directory SAN=1 all unit
	$(MAKE) --no-print-directory SAN=1 packet
	$(MAKE) --no-print-directory SAN=1 conf
	$(MAKE) --no-print-directory SAN=1 e2e

bench: all ## measure against nginx, HAProxy and nftables side by side (root)
	scripts/deps.sh bench
	BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py
	$(MAKE) --no-print-directory bench-xdp bench-rule bench-balance

$(BUILD)/bench/%: tests/bench/%/bench.c $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)
.PHONY: bench-rule bench-balance
bench-rule: $(BUILD)/bench/rule ## ns per lookup, bytes and compile time of 10 to 100,000 routers
	@$<
bench-balance: $(BUILD)/bench/balance ## ns per pick of each balancing policy
	@$<

fmt: ## lay the sources out by .clang-format
	scripts/deps.sh fmt
	clang-format -i $$(find userspace bpf include tests -name '*.[ch]')

# Parsers under libFuzzer: one driver per parser, tests/fuzz/X_fuzz.c; FUZZ_SECONDS each.
FUZZ_SECONDS ?= 30
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_OBJS = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out userspace/app/% userspace/kern/%,$(SRCS)))
$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -std=gnu11 -g -O1 -pthread -fno-strict-aliasing -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
$(BUILD)/fuzz/libsluice.a: $(FUZZ_OBJS)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(BUILD)/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(BUILD)/fuzz/libsluice.a
	$(CLANG) $(CPPFLAGS) -std=gnu11 -g -O1 -pthread -fsanitize=fuzzer,address,undefined -o $@ $< $(BUILD)/fuzz/libsluice.a $(LDLIBS)
.PHONY: fuzzers
fuzzers: $(FUZZERS)
fuzz: ## fuzz each parser for FUZZ_SECONDS
	scripts/deps.sh fuzz
	$(MAKE) --no-print-directory fuzzers
	@set -e; for f in $(FUZZERS); do n=$$(basename $$f _fuzz); mkdir -p $(BUILD)/corpus/$$n; \
		seeds=$$(ls -d tests/fuzz/corpus/$$n 2>/dev/null || true); \
		echo "== $$n"; $$f -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_funcs=0 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/corpus/$$n- $(BUILD)/corpus/$$n $$seeds; done

DESTDIR ?=
PREFIX  ?= /usr
install: all ## copy binary, BPF objects, examples, documents and the systemd unit under DESTDIR
	install -D -m 755 $(BUILD)/sluice $(DESTDIR)$(PREFIX)/sbin/sluice
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sluice/bpf $(BPFO)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/sluice/examples $(wildcard config/*.yml config/*.yaml)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/sluice $(wildcard README.md docs/*.md)
	install -D -m 644 config/systemd/sluice.service $(DESTDIR)/lib/systemd/system/sluice.service
	install -d -m 755 $(DESTDIR)/etc/sluice/dynamic

.PHONY: docs
docs: agent ## rewrite what is made from the option tables: docs/OPTIONS.md, config/full.yaml
	$(BUILD)/sluice help options > docs/OPTIONS.md
	$(BUILD)/sluice help example > config/full.yaml

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9][a-z0-9-]*:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
