/* TargetConditionals.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_TARGETCONDITIONALS_H
#define MACOS_SHIM_TARGETCONDITIONALS_H

#define TARGET_OS_MAC 1
#define TARGET_OS_OSX 1
#define TARGET_OS_IPHONE 0

#endif
