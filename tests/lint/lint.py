#!/usr/bin/python3
"""Mechanical taste: what a reviewer should not have to say. Run from the repository's root; exits 1 when a rule is broken.

deps     a room includes only rooms below it; include/lb belongs to userspace/kern, bpf/ and tests/packet
size     functions of at most 80 lines (60 in bpf/), files of at most 600 (tests, which are mostly tables: 800)
banned   calls with a safer replacement, and markers of unfinished work
export   functions that only their own file uses (a warning: they could be static)

`lint.py --self-test` breaks each rule on purpose and sees that it is noticed.
"""
import os
import re
import sys
import tempfile

HEIGHT = {
    "app": 9, "admin": 8, "conf": 7, "middleware": 6, "provider": 6, "acme": 6, "observe": 6, "proxy": 5, "rule": 4, "backend": 4,
    "tls": 3, "http": 3, "net": 2, "balance": 2, "kern": 2, "io": 1, "model": 1, "base": 0,
}
BANNED = {
    "strcpy": "memcpy or mem_strdup", "strcat": "struct buf", "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets",
    "system": "posix_spawn", "popen": "posix_spawn", "strtok": "str_cut", "atoi": "num_i64", "atol": "num_i64", "atof": "num_double",
    "rand": "rng_u64", "srand": "rng_seed", "random": "rng_u64", "usleep": "a timer", "sleep": "a timer", "alloca": "the arena",
    "gethostbyname": "addr_parse", "inet_ntoa": "addr_print", "localtime": "localtime_r", "gmtime": "gmtime_r",
    "tmpnam": "mkstemp", "mktemp": "mkstemp", "select": "the loop",
}
MAX_FILE, MAX_FILE_TEST, MAX_FUNCTION, MAX_FUNCTION_BPF = 600, 800, 80, 60
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')


def strip(text):
    """The code with comments, strings and characters blanked, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def sources(root, *tops):
    for top in tops:
        for where, dirs, files in os.walk(os.path.join(root, top)):
            dirs.sort()
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    path = os.path.join(where, name)
                    with open(path, encoding="utf-8") as f:
                        yield os.path.relpath(path, root), f.read()


def check_deps(root):
    for path, text in sources(root, "userspace", "bpf", "include", "tests/packet"):
        parts = path.split(os.sep)
        room = parts[1] if parts[0] == "userspace" else None
        if room is not None and room not in HEIGHT:
            yield path, 1, "no room is called %s" % room
            continue
        for number, line in enumerate(text.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            other = match.group(1).split("/")[0]
            system = "<" in line
            if other == "lb" and room not in (None, "kern"):
                yield path, number, "only userspace/kern includes include/lb"
            if parts[0] in ("bpf", "include") and other in HEIGHT and not system:
                yield path, number, "kernel code does not include userspace"
            if room and not system and other in HEIGHT and other != room and HEIGHT[other] >= HEIGHT[room]:
                yield path, number, "%s (%d) includes %s (%d), which is not below it" % (room, HEIGHT[room], other, HEIGHT[other])
            if room and other == "bpf" and room != "kern":
                yield path, number, "only userspace/kern includes libbpf"


def functions(text):
    """(line of the opening brace, lines between the braces) of each function: a block that opens at column 0 after a ')'."""
    lines = strip(text).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and number > 1 and lines[number - 2].rstrip().endswith(")"):
            start = number
        elif line.startswith("}") and start:
            yield start - 1, number - start - 1
            start = None


def check_size(root):
    for path, text in sources(root, "userspace", "bpf", "include", "tests"):
        lines = text.split("\n")
        most = MAX_FILE_TEST if path.startswith("tests") else MAX_FILE
        if len(lines) - 1 > most:
            yield path, len(lines) - 1, "%d lines; a file has at most %d" % (len(lines) - 1, most)
        limit = MAX_FUNCTION_BPF if path.startswith("bpf") else MAX_FUNCTION
        if path.startswith("tests"):
            continue
        for number, length in functions(text):
            if length > limit:
                yield path, number, "function of %d lines; at most %d" % (length, limit)


def check_banned(root):
    for path, text in sources(root, "userspace", "bpf", "include"):
        for number, line in enumerate(strip(text).split("\n"), 1):
            match = CALL.search(line)
            if match:
                yield path, number, "%s() is banned; use %s" % (match.group(1), BANNED[match.group(1)])
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line):
                yield path, number, "unfinished work is in the issue tracker, not in the code"


DECLARED = re.compile(r"^[a-z][\w\s*]*?\b\*?(\w+)\([^;{}]*\)[^;{}]*;", re.M | re.S)


def check_export(root):
    files = {path: strip(text) for path, text in sources(root, "userspace", "tests")}
    words = {path: set(re.findall(r"\w+", text)) for path, text in files.items()}
    for path, text in files.items():
        if not path.endswith(".h") or path.startswith("tests"):
            continue
        for match in DECLARED.finditer(text):
            name = match.group(1)
            users = [p for p in files if name in words[p] and p not in (path, path[:-2] + ".c") and not p.startswith("tests")]
            if not users and not match.group().startswith(("static", "typedef")):
                yield path, text.count("\n", 0, match.start()) + 1, "%s() has no user outside its own file" % name


RULES = {"deps": (check_deps, True), "size": (check_size, True), "banned": (check_banned, True), "export": (check_export, False)}

BAD = {
    "deps": [("userspace/base/a.c", '#include "io/loop.h"\n'), ("userspace/rule/a.c", '#include "backend/pool.h"\n'),
             ("userspace/app/a.c", "#include <lb/abi.h>\n"), ("userspace/conf/a.c", "#include <bpf/libbpf.h>\n"), ("userspace/cellar/a.c", "\n"), ("bpf/a.h", '#include "base/str.h"\n')],
    "size": [("userspace/base/a.c", "int f(void)\n{\n" + "\tg();\n" * 81 + "}\n"), ("userspace/base/a.c", "\n" * 601),
             ("bpf/a.h", "int f(void)\n{\n" + "\tg();\n" * 61 + "}\n")],
    "banned": [("userspace/base/a.c", "void f(void)\n{\n\tstrcpy(a, b);\n}\n"), ("userspace/base/a.c", "int x = atoi (s);\n"),
               ("userspace/base/a.c", "/* " + "TO" + "DO: later */\n")],
    "export": [("userspace/base/a.h", "int a_lonely(int x);\n")],
}
GOOD = [
    ("userspace/base/a.c", '#include "base/b.h"\n/* strcpy(x) in words, "system(1)" too */\nint f(void)\n{\n' + "\tg();\n" * 80 + '}\nchar *s = "gets(";\n'),
    ("userspace/app/b.c", '#include "base/b.h"\n#include "proxy/worker.h"\n#include <net/if.h>\nvoid my_system(void);\n'),
    ("userspace/kern/c.c", '#include "lb/abi.h"\n'),
    ("bpf/d.h", "#include <lb/abi.h>\nint f(void)\n{\n" + "\tg();\n" * 60 + "}\n"),
]


def write(root, path, text):
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def self_test():
    for rule, samples in BAD.items():
        for path, text in samples:
            with tempfile.TemporaryDirectory() as root:
                write(root, path, text)
                assert list(RULES[rule][0](root)), "%s does not notice %r in %s" % (rule, text[:40], path)
    with tempfile.TemporaryDirectory() as root:
        for path, text in GOOD:
            write(root, path, text)
        for rule, (check, _) in RULES.items():
            if rule != "export":
                found = list(check(root))
                assert not found, "%s complains about good code: %s" % (rule, found)
    print("lint: self-test passed (%d bad samples noticed)" % sum(map(len, BAD.values())))


def main(argv):
    if "--self-test" in argv:
        self_test()
        return 0
    failed = 0
    for rule, (check, fatal) in RULES.items():
        if rule == "export" and "-v" not in argv:
            count = sum(1 for _ in check("."))
            if count:
                print("lint: %d functions are declared in a header but used by their own file only (-v lists them)" % count)
            continue
        for path, line, text in check("."):
            print("%s:%d: %s%s: %s" % (path, line, "" if fatal else "warning: ", rule, text))
            failed += fatal
    print("lint: %s" % ("%d problems" % failed if failed else "clean"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
