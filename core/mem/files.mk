SRC += core/mem/access.c core/mem/dirty.c core/mem/dma.c core/mem/flat.c core/mem/ram.c core/mem/region.c
