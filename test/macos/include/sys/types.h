/* sys/types.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_TYPES_H
#define MACOS_SHIM_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
typedef int64_t off_t;
typedef int32_t dev_t;
typedef uint64_t ino_t;
typedef uint16_t mode_t;
typedef uint16_t nlink_t;
typedef uint32_t uid_t;
typedef uint32_t gid_t;
typedef uint32_t id_t;
typedef int32_t pid_t;
typedef int64_t blkcnt_t;
typedef int32_t blksize_t;
typedef unsigned int fsblkcnt_t;
typedef unsigned int fsfilcnt_t;
typedef int32_t suseconds_t;
typedef uint32_t useconds_t;
typedef long time_t;
typedef unsigned long clock_t;
typedef int32_t key_t;
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;

#define FD_SETSIZE 1024

typedef struct {
	int32_t fds_bits[FD_SETSIZE / 32];
} fd_set;

#define FD_SET(n, p) ((p)->fds_bits[(n) / 32] |= 1 << ((n) % 32))
#define FD_CLR(n, p) ((p)->fds_bits[(n) / 32] &= ~(1 << ((n) % 32)))
#define FD_ISSET(n, p) (((p)->fds_bits[(n) / 32] >> ((n) % 32)) & 1)
#define FD_ZERO(p) __builtin_memset((p), 0, sizeof(*(p)))

#endif
