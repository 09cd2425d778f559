/* unistd.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_UNISTD_H
#define MACOS_SHIM_UNISTD_H

#include <sys/types.h>

/* A program declares "environ" itself.  No pipe2() or fdatasync(). */
#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2
#define F_OK 0
#define X_OK 1
#define W_OK 2
#define R_OK 4
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define _SC_CLK_TCK 3
#define _SC_OPEN_MAX 5
#define _SC_PAGESIZE 29
#define _SC_NPROCESSORS_CONF 57
#define _SC_NPROCESSORS_ONLN 58
#define _PC_NAME_MAX 4
#define _PC_PATH_MAX 5

extern char *optarg;
extern int optind;
extern int opterr;
extern int optopt;
extern int optreset;

void _exit(int) __attribute__((__noreturn__));
int access(const char *, int);
int faccessat(int, const char *, int, int);
unsigned int alarm(unsigned int);
int chdir(const char *);
int fchdir(int);
int chown(const char *, uid_t, gid_t);
int fchown(int, uid_t, gid_t);
int lchown(const char *, uid_t, gid_t);
int fchownat(int, const char *, uid_t, gid_t, int);
int chroot(const char *);
int close(int);
int dup(int);
int dup2(int, int);
int execl(const char *, const char *, ...);
int execlp(const char *, const char *, ...);
int execv(const char *, char *const *);
int execve(const char *, char *const *, char *const *);
int execvp(const char *, char *const *);
pid_t fork(void);
int fsync(int);
int ftruncate(int, off_t);
int truncate(const char *, off_t);
char *getcwd(char *, size_t);
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
int getgroups(int, gid_t *);
int getgrouplist(const char *, int, int *, int *);
int initgroups(const char *, int);
int setgroups(int, const gid_t *);
int gethostname(char *, size_t);
int getopt(int, char *const *, const char *);
int getpeereid(int, uid_t *, gid_t *);
pid_t getpgid(pid_t);
pid_t getpgrp(void);
pid_t getpid(void);
pid_t getppid(void);
pid_t getsid(pid_t);
int setpgid(pid_t, pid_t);
pid_t setsid(void);
int setuid(uid_t);
int setgid(gid_t);
int seteuid(uid_t);
int setegid(gid_t);
int getentropy(void *, size_t);
int isatty(int);
int link(const char *, const char *);
int linkat(int, const char *, int, const char *, int);
off_t lseek(int, off_t, int);
int pause(void);
int pipe(int *);
long sysconf(int);
long pathconf(const char *, int);
long fpathconf(int, int);
ssize_t read(int, void *, size_t);
ssize_t pread(int, void *, size_t, off_t);
ssize_t write(int, const void *, size_t);
ssize_t pwrite(int, const void *, size_t, off_t);
ssize_t readlink(const char *, char *, size_t);
ssize_t readlinkat(int, const char *, char *, size_t);
int rmdir(const char *);
unsigned int sleep(unsigned int);
int usleep(useconds_t);
int symlink(const char *, const char *);
int symlinkat(const char *, int, const char *);
void sync(void);
pid_t tcgetpgrp(int);
int tcsetpgrp(int, pid_t);
int ttyname_r(int, char *, size_t);
int unlink(const char *);
int unlinkat(int, const char *, int);

#endif
