/* locale.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_LOCALE_H
#define MACOS_SHIM_LOCALE_H

#define LC_ALL 0
#define LC_CTYPE 2

char *setlocale(int, const char *);

#endif
