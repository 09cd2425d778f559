/* spawn.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SPAWN_H
#define MACOS_SHIM_SPAWN_H

#include <sys/types.h>

typedef void *posix_spawnattr_t;
typedef void *posix_spawn_file_actions_t;

int posix_spawn(pid_t *, const char *, const posix_spawn_file_actions_t *,
    const posix_spawnattr_t *, char *const *, char *const *);
int posix_spawnp(pid_t *, const char *, const posix_spawn_file_actions_t *,
    const posix_spawnattr_t *, char *const *, char *const *);

#endif
