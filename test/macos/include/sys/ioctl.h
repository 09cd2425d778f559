/* sys/ioctl.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_SYS_IOCTL_H
#define MACOS_SHIM_SYS_IOCTL_H

struct winsize {
	unsigned short ws_row;
	unsigned short ws_col;
	unsigned short ws_xpixel;
	unsigned short ws_ypixel;
};

#define TIOCGWINSZ 0x40087468
#define TIOCSWINSZ 0x80087467
#define FIONREAD 0x4004667f

int ioctl(int, unsigned long, ...);

#endif
