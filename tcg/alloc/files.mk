SRC += tcg/alloc/live.c tcg/alloc/global.c tcg/alloc/homes.c tcg/alloc/order.c tcg/alloc/scan.c tcg/alloc/state.c tcg/alloc/spill.c tcg/alloc/resolve.c \
    tcg/alloc/statemap.c tcg/alloc/verify.c tcg/alloc/print.c tcg/alloc/run.c
