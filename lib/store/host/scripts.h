/*
 * scripts.h - the scripts of this folder as texts: hostfs.sh goes in front of
 * each of the others.
 */
#ifndef STORE_HOST_SCRIPTS_H
#define STORE_HOST_SCRIPTS_H

extern const char host_script_hostfs[];
extern const char host_script_hostfs_put[];
extern const char host_script_hostfs_read[];
extern const char host_script_hostfs_keep[];

#endif
