TESTLIB_SRC += tests/lib/bench.c
