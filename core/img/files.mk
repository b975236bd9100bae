SRC += core/img/img.c core/img/progress.c core/img/create.c core/img/info.c core/img/check.c core/img/convert.c core/img/compare.c core/img/map.c core/img/change.c core/img/chain.c core/img/bench.c
