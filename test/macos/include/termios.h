/* termios.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_TERMIOS_H
#define MACOS_SHIM_TERMIOS_H

#include <sys/types.h>

typedef unsigned long tcflag_t;
typedef unsigned long speed_t;
typedef unsigned char cc_t;

#define NCCS 20
#define VMIN 16
#define VTIME 17
#define ECHO 0x8
#define ISIG 0x80
#define ICANON 0x100
#define TCSANOW 0
#define TCSADRAIN 1
#define TCSAFLUSH 2

struct termios {
	tcflag_t c_iflag;
	tcflag_t c_oflag;
	tcflag_t c_cflag;
	tcflag_t c_lflag;
	cc_t c_cc[NCCS];
	speed_t c_ispeed;
	speed_t c_ospeed;
};

int tcgetattr(int, struct termios *);
int tcsetattr(int, int, const struct termios *);

#endif
