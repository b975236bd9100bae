#!/bin/sh
# See tests/guest/programs.
exec tests/guest/programs riscv64
