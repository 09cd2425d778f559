/* assert.h - as on macOS, as far as it is used here. */
#ifndef MACOS_SHIM_ASSERT_H
#define MACOS_SHIM_ASSERT_H

void __assert_rtn(const char *, const char *, int, const char *)
    __attribute__((__noreturn__));

#ifdef NDEBUG
#define assert(e) ((void)0)
#else
#define assert(e)                                                              \
	((e) ? (void)0 : __assert_rtn(__func__, __FILE__, __LINE__, #e))
#endif
#define static_assert _Static_assert

#endif
