/* setjmp.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SETJMP_H
#define MACOS_SHIM_SETJMP_H

typedef int jmp_buf[48];
typedef int sigjmp_buf[49];

int setjmp(jmp_buf) __attribute__((__returns_twice__));
void longjmp(jmp_buf, int) __attribute__((__noreturn__));

#endif
