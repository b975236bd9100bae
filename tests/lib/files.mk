TESTLIB_SRC += tests/lib/bench.c tests/lib/vdriver.c
