#pragma once

// Clang's thread safety attributes; empty for other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#if defined(__clang__)
#define WM_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define WM_THREAD_ATTRIBUTE(x)
#endif

#define WM_CAPABILITY(x) WM_THREAD_ATTRIBUTE(capability(x))
#define WM_SCOPED_CAPABILITY WM_THREAD_ATTRIBUTE(scoped_lockable)
#define WM_GUARDED_BY(x) WM_THREAD_ATTRIBUTE(guarded_by(x))
#define WM_REQUIRES(...) WM_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define WM_ACQUIRE(...) WM_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define WM_RELEASE(...) WM_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define WM_EXCLUDES(...) WM_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
