/* ctype.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_CTYPE_H
#define MACOS_SHIM_CTYPE_H

int isalnum(int);
int isalpha(int);
int isascii(int);
int isblank(int);
int iscntrl(int);
int isdigit(int);
int isgraph(int);
int islower(int);
int isprint(int);
int ispunct(int);
int isspace(int);
int isupper(int);
int isxdigit(int);
int tolower(int);
int toupper(int);

#endif
