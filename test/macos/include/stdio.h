/* stdio.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_STDIO_H
#define MACOS_SHIM_STDIO_H

#include <stdarg.h>
#include <sys/types.h>

#define EOF (-1)
#define BUFSIZ 1024
#define FILENAME_MAX 1024
#define _IOFBF 0
#define _IOLBF 1
#define _IONBF 2
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define RENAME_SWAP 0x2
#define RENAME_EXCL 0x4

typedef struct macos_file FILE;
typedef int64_t fpos_t;

extern FILE *__stdinp;
extern FILE *__stdoutp;
extern FILE *__stderrp;
#define stdin __stdinp
#define stdout __stdoutp
#define stderr __stderrp

#define SHIM_PRINTF(a, b) __attribute__((__format__(__printf__, a, b)))
#define SHIM_SCANF(a, b) __attribute__((__format__(__scanf__, a, b)))

FILE *fopen(const char *, const char *);
FILE *fdopen(int, const char *);
FILE *freopen(const char *, const char *, FILE *);
FILE *fmemopen(void *, size_t, const char *);
FILE *open_memstream(char **, size_t *);
FILE *popen(const char *, const char *);
FILE *tmpfile(void);
int pclose(FILE *);
int fclose(FILE *);
int fflush(FILE *);
int fileno(FILE *);
int feof(FILE *);
int ferror(FILE *);
void clearerr(FILE *);
void rewind(FILE *);
int fseek(FILE *, long, int);
int fseeko(FILE *, off_t, int);
long ftell(FILE *);
off_t ftello(FILE *);
int fgetc(FILE *);
int getc(FILE *);
int getchar(void);
int ungetc(int, FILE *);
char *fgets(char *, int, FILE *);
int fputc(int, FILE *);
int putc(int, FILE *);
int putchar(int);
int fputs(const char *, FILE *);
int puts(const char *);
size_t fread(void *, size_t, size_t, FILE *);
size_t fwrite(const void *, size_t, size_t, FILE *);
ssize_t getline(char **, size_t *, FILE *);
ssize_t getdelim(char **, size_t *, int, FILE *);
int setvbuf(FILE *, char *, int, size_t);
void setbuf(FILE *, char *);
void flockfile(FILE *);
void funlockfile(FILE *);
void perror(const char *);
int remove(const char *);
int rename(const char *, const char *);
int renameat(int, const char *, int, const char *);
int renamex_np(const char *, const char *, unsigned int);
int renameatx_np(int, const char *, int, const char *, unsigned int);
int printf(const char *, ...) SHIM_PRINTF(1, 2);
int fprintf(FILE *, const char *, ...) SHIM_PRINTF(2, 3);
int dprintf(int, const char *, ...) SHIM_PRINTF(2, 3);
int sprintf(char *, const char *, ...) SHIM_PRINTF(2, 3);
int snprintf(char *, size_t, const char *, ...) SHIM_PRINTF(3, 4);
int asprintf(char **, const char *, ...) SHIM_PRINTF(2, 3);
int vprintf(const char *, va_list) SHIM_PRINTF(1, 0);
int vfprintf(FILE *, const char *, va_list) SHIM_PRINTF(2, 0);
int vdprintf(int, const char *, va_list) SHIM_PRINTF(2, 0);
int vsprintf(char *, const char *, va_list) SHIM_PRINTF(2, 0);
int vsnprintf(char *, size_t, const char *, va_list) SHIM_PRINTF(3, 0);
int vasprintf(char **, const char *, va_list) SHIM_PRINTF(2, 0);
int scanf(const char *, ...) SHIM_SCANF(1, 2);
int fscanf(FILE *, const char *, ...) SHIM_SCANF(2, 3);
int sscanf(const char *, const char *, ...) SHIM_SCANF(2, 3);

#endif
