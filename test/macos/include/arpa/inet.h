/* arpa/inet.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_ARPA_INET_H
#define MACOS_SHIM_ARPA_INET_H

#include <netinet/in.h>

in_addr_t inet_addr(const char *);
const char *inet_ntop(int, const void *, char *, socklen_t);
int inet_pton(int, const char *, void *);

#endif
