/* netdb.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_NETDB_H
#define MACOS_SHIM_NETDB_H

#include <netinet/in.h>
#include <sys/socket.h>

#define AI_PASSIVE 0x1
#define AI_CANONNAME 0x2
#define AI_NUMERICHOST 0x4
#define AI_ADDRCONFIG 0x400
#define AI_NUMERICSERV 0x1000
#define EAI_AGAIN 2
#define EAI_BADFLAGS 3
#define EAI_FAIL 4
#define EAI_FAMILY 5
#define EAI_MEMORY 6
#define EAI_NODATA 7
#define EAI_NONAME 8
#define EAI_SERVICE 9
#define EAI_SOCKTYPE 10
#define EAI_SYSTEM 11
#define EAI_OVERFLOW 14
#define NI_NUMERICHOST 2
#define NI_NUMERICSERV 8
#define NI_MAXHOST 1025
#define NI_MAXSERV 32

struct addrinfo {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	socklen_t ai_addrlen;
	char *ai_canonname;
	struct sockaddr *ai_addr;
	struct addrinfo *ai_next;
};

int getaddrinfo(const char *, const char *, const struct addrinfo *,
    struct addrinfo **);
void freeaddrinfo(struct addrinfo *);
const char *gai_strerror(int);
int getnameinfo(const struct sockaddr *, socklen_t, char *, socklen_t, char *,
    socklen_t, int);

#endif
