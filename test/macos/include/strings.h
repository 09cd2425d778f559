/* strings.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_STRINGS_H
#define MACOS_SHIM_STRINGS_H

#include <sys/types.h>

int strcasecmp(const char *, const char *);
int strncasecmp(const char *, const char *, size_t);
void bzero(void *, size_t);
int ffs(int);

#endif
