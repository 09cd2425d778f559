/* libgen.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_LIBGEN_H
#define MACOS_SHIM_LIBGEN_H

char *basename(char *);
char *dirname(char *);

#endif
