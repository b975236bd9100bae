/* The first line keeps the shape that tools look for: `QEMU emulator version X.Y.Z`. */
#include <stdio.h>

#include "core/personality.h"
#include "core/version.h"

void version_print(const char *what)
{
    printf("%s version %s (Rhea %s)\n", what, RHEA_QEMU_VERSION, RHEA_VERSION);
    printf("%s\n", RHEA_COPYRIGHT);
}
