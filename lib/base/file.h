/*
 * file.h - files: read whole, publish durably, directories.
 *
 * Publishing is: temporary file in the same directory (O_EXCL, 0600), write,
 * fsync (F_FULLFSYNC on macOS), close, rename, fsync of the directory.  Readers
 * see the whole file or none, also after a power cut.  A failed fsync is never
 * tried again: the pages may be marked clean without being on the disk.
 * Threads: any, but never the loop thread; all of it can block.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The text of a file of at most ${max} bytes, NUL-terminated; free() it. */
char *file_slurp(const char *path, size_t max, size_t *len, struct err *);

struct file_pub;

/**
 * file_pub_open(path, e):
 * Begin publishing at ${path}; the directory must exist.  Return an object
 * that file_pub_commit() or file_pub_abort() frees.
 */
struct file_pub *file_pub_open(const char *, struct err *);
int file_pub_write(struct file_pub *, const void *, size_t, struct err *);
/*
 * Flush and close the temporary file: the slow half of a commit, after which
 * nothing more can be written.  Who may have been given up meanwhile looks
 * again between this and file_pub_commit().
 */
int file_pub_sync(struct file_pub *, struct err *);
/*
 * Make it visible, durably.  With ${if_absent} an existing ${path} is not
 * replaced: ERR_CONFLICT.  Frees ${p} either way, the temporary file is gone.
 */
int file_pub_commit(struct file_pub *, bool if_absent, struct err *);
void file_pub_abort(struct file_pub *);

/* The three above for bytes in memory. */
int file_publish(const char *path, const void *, size_t, bool if_absent,
    struct err *);

/* Flush file contents to stable storage. */
int file_sync(int fd);
int file_sync_dir(const char *path, struct err *);
/* Make ${path} and its parents (0700 each that is new), fsync the parents. */
int file_mkdir_p(const char *path, struct err *);
/* Remove a tree; links are not followed; a missing one is success. */
int file_remove_tree(const char *path, struct err *);
/* Bytes that an ordinary user may still write in ${path}'s file system. */
int file_free_space(const char *path, int64_t *bytes, struct err *);
/* "dir/name", from malloc. */
char *file_join(const char *dir, const char *name);
/* ${path} with a leading ~ replaced by $HOME and made absolute by ${base}. */
char *file_expand(const char *path, const char *base);
/* Refuse a file that others than its owner (us or root) can read or write. */
int file_check_private(const char *path, struct err *);

/*
 * The mark in names of temporary files.  The writer holds an flock on its file
 * where the file system has that: one that can be locked has lost its writer.
 */
#define FILE_TMP_MARK ".rbtmp-"

#endif
