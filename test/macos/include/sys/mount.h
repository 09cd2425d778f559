/* sys/mount.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_MOUNT_H
#define MACOS_SHIM_SYS_MOUNT_H

#include <sys/types.h>

typedef struct {
	int32_t val[2];
} fsid_t;

struct statfs {
	uint32_t f_bsize;
	int32_t f_iosize;
	uint64_t f_blocks;
	uint64_t f_bfree;
	uint64_t f_bavail;
	uint64_t f_files;
	uint64_t f_ffree;
	fsid_t f_fsid;
	uid_t f_owner;
	uint32_t f_type;
	uint32_t f_flags;
	uint32_t f_fssubtype;
	char f_fstypename[16];
	char f_mntonname[1024];
	char f_mntfromname[1024];
	uint32_t f_flags_ext;
	uint32_t f_reserved[7];
};

int statfs(const char *, struct statfs *);
int fstatfs(int, struct statfs *);

#endif
