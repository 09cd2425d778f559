/* sys/un.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_UN_H
#define MACOS_SHIM_SYS_UN_H

#include <sys/socket.h>

#define SOL_LOCAL 0
#define LOCAL_PEERCRED 1
#define LOCAL_PEERPID 2

struct sockaddr_un {
	unsigned char sun_len;
	sa_family_t sun_family;
	char sun_path[104];
};

#endif
