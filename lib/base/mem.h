/*
 * mem.h - allocation that does not fail, and checks that stay in releases.
 *
 * Small fixed-size objects come from here: running out of memory for them ends
 * the program, and a restart is a tested path.  Sizes that input chooses are
 * capped by the caller first.
 * Threads: any.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t);
void *xcalloc(size_t, size_t);
void *xrealloc(void *, size_t);
char *xstrdup(const char *);
char *xstrndup(const char *, size_t);
char *xasprintf(const char *, ...) __attribute__((format(printf, 1, 2)));

/* Stop the program when a caller broke a contract; in release builds too. */
#define BUG_IF(cond)                                                           \
	do {                                                                   \
		if (cond)                                                      \
			bug(__FILE__, __LINE__, #cond);                        \
	} while (0)

void bug(const char *, int, const char *) __attribute__((noreturn));

/* The object of type ${type} whose member ${member} is at ${p}. */
#define CONTAINER_OF(p, type, member)                                          \
	((type *)(void *)((char *)(p)-offsetof(type, member)))

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#endif
