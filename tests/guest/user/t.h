/* What the programs in this folder share: a check that names its place, and the end. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x) \
    do { \
        if (!(x)) { \
            printf("%s:%d: failed: %s (errno %d, %s)\n", __FILE__, __LINE__, #x, errno, strerror(errno)); \
            fflush(stdout); \
            _Exit(1); \
        } \
    } while (0)
